import type { FlagRule } from './definitions.ts'

/** How a rule is named in answers: its id, or where it stands, `rule-1` at position 0. */
export function ruleId({ id }: Pick<FlagRule, 'id'>, position: number): string {
  return id ?? `rule-${position + 1}`
}
