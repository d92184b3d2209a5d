import type { JsonValue } from '@openfeature/server-sdk'
import type { Kind } from '../world.ts'

/** `Boolean`, `boolean`, `Double`, … as scenarios write them. */
export function kindOf(word: string): Kind {
  const kind = word.toLowerCase()
  if (kind === 'double') return 'float'
  if (kind === 'boolean' || kind === 'string' || kind === 'integer' || kind === 'float' || kind === 'object')
    return kind
  throw new Error(`"${word}" is no kind of value.`)
}

/** A value as scenarios write it, quotes in objects escaped. */
export function typedValue(kind: Kind, text: string): JsonValue {
  if (kind === 'string') return text
  if (kind === 'boolean') return text === 'true'
  return JSON.parse(text.replaceAll('\\"', '"')) as JsonValue
}
