/** Parts of a path at the most, and levels of a value. */
export const MAX_DEPTH = 10

const MAX_PATH = 200
const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** Whether a name could reach an object's prototype instead of a member of its own. */
export function isForbiddenKey(name: string): boolean {
  return FORBIDDEN.has(name)
}

/** The parts of a dotted path, or `undefined` when it is none: empty, too long, too deep or reaching a prototype. */
export function pathParts(path: string): readonly string[] | undefined {
  if (typeof path !== 'string' || path === '' || path.length > MAX_PATH) return undefined
  const parts = path.split('.')
  if (parts.length > MAX_DEPTH || parts.some((part) => part === '' || FORBIDDEN.has(part))) return undefined
  return parts
}

/** What stands at a path, own members only. */
export function valueAt(root: unknown, parts: readonly string[]): unknown {
  let value = root
  for (const part of parts) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}
