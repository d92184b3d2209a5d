import type { FlagDefinition } from '../../catalog/definitions.ts'
import type { Problem } from '../../catalog/problems.ts'
import { describe } from '../../catalog/problems.ts'
import type { Json } from '../../vocabulary.ts'

/** Bytes (UTF-16 units) of a definition as JSON: every process holds it, and history a hundred of it. */
const MAX_SIZE = 262_144

/** What is wrong with a definition of its own; see `flagProblems`. */
export type CheckDefinition = (definition: unknown, path: string) => readonly Problem[]

/** What is wrong with what a flag is to be from now on; nothing if it is right. */
export function definitionProblems(
  check: CheckDefinition,
  key: string,
  declared: FlagDefinition,
  definition: unknown,
): readonly Problem[] {
  const problems = check(definition, key)
  if (problems.length > 0) return problems
  const { variants } = definition as FlagDefinition
  if (!variants !== !declared.variants) {
    return [{ path: key, message: 'A flag stays what it was declared: boolean, or with variants.' }]
  }
  const misfits = Object.entries(variants ?? {}).filter(
    ([, value]) => !Object.values(declared.variants ?? {}).some((like) => isLike(value, like)),
  )
  if (misfits.length > 0) {
    const [[known = '', like] = []] = Object.entries(declared.variants ?? {})
    return misfits.map(([name, value]) => ({
      path: `${key}.variants.${name}`,
      message: `is ${describe(value)}, which is no value such as "${known}" of the catalog has (${describe(like)}, with all of its keys): code was written for those.`,
    }))
  }
  const size = JSON.stringify(definition).length
  return size > MAX_SIZE ? [{ path: key, message: `takes ${size} characters as JSON; ${MAX_SIZE} are allowed.` }] : []
}

/** Whether code that was written for one value can read the other: the same type, and every key that an object has. */
function isLike(value: Json, like: Json): boolean {
  if (Array.isArray(like)) {
    const items: readonly Json[] = like
    if (!Array.isArray(value)) return false
    return items.length === 0 || value.every((item: Json) => items.some((other) => isLike(item, other)))
  }
  if (like === null || value === null) return value === like
  if (typeof like !== 'object') return typeof value === typeof like
  if (typeof value !== 'object' || Array.isArray(value)) return false
  const given = value as Readonly<Record<string, Json>>
  return Object.entries(like).every(([name, other]) => Object.hasOwn(given, name) && isLike(given[name] ?? null, other))
}
