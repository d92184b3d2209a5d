import type { IncomingMessage } from 'node:http'
import { OfrepFailure } from './ofrep-failure.ts'
import { readJson } from './read-json.ts'
import type { CallAttributes } from './remote-flags.ts'

/** What a call's evaluation context adds to the open one, and its text, which tells it from others. */
export interface CallContext {
  readonly attributes: CallAttributes | undefined
  readonly text: string
}

/**
 * The evaluation context of a call, whatever it says: attributes of the call. Whose flags are evaluated is not in it.
 *
 * @throws OfrepFailure `PARSE_ERROR`, `INVALID_CONTEXT`
 */
export async function readCallContext(message: IncomingMessage, parsed: unknown): Promise<CallContext> {
  const body = await readJson(message, parsed)
  if (!isRecord(body)) throw new OfrepFailure('INVALID_CONTEXT', 'The body must be an object.')
  const attributes = Object.hasOwn(body, 'context') ? body.context : undefined
  if (attributes === undefined) return { attributes: undefined, text: '' }
  if (!isRecord(attributes)) throw new OfrepFailure('INVALID_CONTEXT', '"context" must be an object.')
  if (Object.hasOwn(attributes, 'targetingKey') && typeof attributes.targetingKey !== 'string') {
    throw new OfrepFailure('INVALID_CONTEXT', '"context.targetingKey" must be a text.')
  }
  try {
    return { attributes, text: JSON.stringify(attributes) }
  } catch {
    throw new OfrepFailure('INVALID_CONTEXT', '"context" is nested too deeply.')
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
