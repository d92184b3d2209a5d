import type { FlagDefinition } from '../../catalog/definitions.ts'
import type { Problem } from '../../catalog/problems.ts'

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
  const size = JSON.stringify(definition).length
  return size > MAX_SIZE ? [{ path: key, message: `takes ${size} characters as JSON; ${MAX_SIZE} are allowed.` }] : []
}
