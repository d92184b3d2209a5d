import type { Json } from '../vocabulary.ts'

/** Nested config values: what a tenant set, or a plan says. */
export type ConfigTree = Readonly<Record<string, Json>>

/** A stored document as a tree; nothing when it is none. */
export function treeOf(value: Json | undefined): ConfigTree {
  return isTree(value) ? value : {}
}

/** Both trees; where they meet, `over` wins. Objects are merged, lists and scalars replaced. */
export function mergeTrees(under: ConfigTree, over: ConfigTree): ConfigTree {
  const merged: Record<string, Json> = { ...under }
  for (const [name, value] of Object.entries(over)) {
    const below = Object.hasOwn(under, name) ? under[name] : undefined
    merged[name] = isTree(below) && isTree(value) ? mergeTrees(below, value) : value
  }
  return merged
}

/** A copy with a value at a path; what stood in its way is replaced. */
export function withValue(tree: ConfigTree, parts: readonly string[], value: Json): ConfigTree {
  const [name, ...rest] = parts as [string, ...string[]]
  if (rest.length === 0) return { ...tree, [name]: value }
  const below = Object.hasOwn(tree, name) ? tree[name] : undefined
  return { ...tree, [name]: withValue(isTree(below) ? below : {}, rest, value) }
}

/** A copy without what stands at a path, and without the objects that are empty then. */
export function withoutValue(tree: ConfigTree, parts: readonly string[]): ConfigTree {
  const [name, ...rest] = parts as [string, ...string[]]
  if (!Object.hasOwn(tree, name)) return tree
  const { [name]: below, ...others } = tree
  if (rest.length === 0 || !isTree(below)) return rest.length === 0 ? others : tree
  const left = withoutValue(below, rest)
  return Object.keys(left).length === 0 ? others : { ...others, [name]: left }
}

/** Freezes a value with everything in it that is an object or a list of JSON's. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const member of Object.values(value)) deepFreeze(member)
  return value
}

function isTree(value: Json | undefined): value is ConfigTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
