import { isForbiddenKey } from './dotted-path.ts'
import { describe, isObject, join, type Problems } from './problems.ts'

const MAX_MEMBERS = 50
const MAX_TEXT = 1_000

/** Checks what a definition says of its flag beside the rules: names to texts, numbers and booleans. */
export function checkMetadata(problems: Problems, path: string, metadata: unknown): void {
  if (!isObject(metadata)) {
    problems.add(path, `must be names with values, not ${describe(metadata)}.`)
    return
  }
  const members = Object.entries(metadata)
  if (members.length > MAX_MEMBERS) problems.add(path, `must have at most ${MAX_MEMBERS} members.`)
  for (const [name, value] of members.slice(0, MAX_MEMBERS)) {
    if (isForbiddenKey(name)) problems.add(join(path, name), 'is a name that is not allowed.')
    const isPlain = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
    if (!isPlain) problems.add(join(path, name), `must be a text, a number or a boolean, not ${describe(value)}.`)
    if (typeof value === 'string' && value.length > MAX_TEXT)
      problems.add(join(path, name), `must have at most ${MAX_TEXT} characters.`)
    if (name.length > MAX_TEXT) problems.add(path, `must have names of at most ${MAX_TEXT} characters.`)
  }
}
