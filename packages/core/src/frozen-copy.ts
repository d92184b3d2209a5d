import { isPlainObject } from './plain-object.ts'

/**
 * A copy of a value in which nothing can be changed: plain objects and lists at every level. What is neither (a date, an
 * instance of a class of the app's) is taken over as it is.
 */
export function frozenCopy<T>(value: T): T {
  return copyOf(value, new Map()) as T
}

/** @param copies what was copied before: values may stand in several places, or hold themselves */
function copyOf(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const before = copies.get(value)
  if (before !== undefined) return before
  if (Array.isArray(value)) {
    const list: unknown[] = []
    copies.set(value, list)
    for (const member of value) list.push(copyOf(member, copies))
    return Object.freeze(list)
  }
  if (!isPlainObject(value)) return value
  const copy: object = {}
  copies.set(value, copy)
  for (const [name, member] of Object.entries(value)) {
    // Defined, not assigned: `__proto__` is a name like any other.
    Object.defineProperty(copy, name, { value: copyOf(member, copies), enumerable: true })
  }
  return Object.freeze(copy)
}
