import type { FlagDefinition, FlagRule, WeightedVariants } from '../../catalog/definitions.ts'
import type { Problem } from '../../catalog/problems.ts'
import { describe, isObject, join, Problems } from '../../catalog/problems.ts'
import { ruleId } from '../../catalog/rule-id.ts'
import { didYouMean } from '../../did-you-mean.ts'

/**
 * A change of some of a flag. `enabled`, `default` and `description` replace what was there. `rules` replaces rules by
 * id, each as a whole and in its place; an id that no rule has adds one at the end, `null` removes one. `percent` sets
 * the percentage of rollouts, by the id of their rule, and nothing else of them. A rule without an id is called
 * `rule-<position>`, as in `evaluate`'s answer. What is not named stays.
 */
export interface FlagPatch<
  Default extends boolean | string = boolean | string,
  Served extends boolean | string = Default,
> {
  readonly enabled?: boolean
  readonly default?: Default
  readonly description?: string
  readonly rules?: {
    readonly [id: string]: FlagRule<Served | (Served extends string ? WeightedVariants : never)> | null
  }
  /** 0 to 100. */
  readonly percent?: { readonly [id: string]: number }
}

const KEYS = ['enabled', 'default', 'description', 'rules', 'percent']
const REPLACED = ['enabled', 'default', 'description'] as const

/** A patched definition, not yet checked for being a flag, or what is wrong with the patch itself. */
export type Patched =
  | { readonly definition: unknown; readonly problems?: undefined }
  | { readonly definition?: undefined; readonly problems: readonly Problem[] }

/** Applies a patch to a definition. */
export function patchDefinition(definition: FlagDefinition, patch: unknown, path: string): Patched {
  const problems = new Problems()
  if (!isObject(patch)) {
    problems.add(path, `must be a patch, { enabled?, default?, rules?, percent? }, not ${describe(patch)}.`)
    return { problems: problems.list }
  }
  problems.unknownKeys(path, patch, KEYS)
  const replaced = REPLACED.filter((name) => patch[name] !== undefined).map((name) => [name, patch[name]] as const)
  const rules = patchedRules(definition.rules ?? [], patch, path, problems)
  if (problems.list.length > 0) return { problems: problems.list }
  const kept = rules.length > 0 || definition.rules ? { rules } : {}
  return { definition: { ...definition, ...Object.fromEntries(replaced), ...kept } }
}

function patchedRules(
  before: readonly FlagRule[],
  patch: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problems,
): readonly unknown[] {
  const rules = new Map<string, unknown>(before.map((rule, position) => [ruleId(rule, position), rule]))
  if (patch.rules !== undefined) {
    const at = join(path, 'rules')
    for (const [id, rule] of problems.members(at, patch.rules)) {
      if (rule === null) {
        if (!rules.delete(id)) problems.add(join(at, id), noRule(id, rules))
      } else if (isObject(rule) && rule.id !== undefined && rule.id !== id) {
        problems.add(`${join(at, id)}.id`, `must be "${id}" or left out, not ${describe(rule.id)}.`)
      } else rules.set(id, isObject(rule) ? { ...rule, id } : rule)
    }
  }
  if (typeof patch.percent === 'number') {
    const [id = 'ramp'] = rules.keys()
    problems.add(join(path, 'percent'), `must name the rule, as in { "${id}": ${patch.percent} }.`)
  } else if (patch.percent !== undefined) {
    const at = join(path, 'percent')
    for (const [id, percent] of problems.members(at, patch.percent)) {
      const rule = rules.get(id)
      const rollout = isObject(rule) ? rule.rollout : undefined
      if (!isObject(rule)) problems.add(join(at, id), noRule(id, rules))
      else if (!isObject(rollout) || rollout.percent === undefined) {
        problems.add(join(at, id), `is the percentage of a rollout, and the rule "${id}" has none.`)
      } else rules.set(id, { ...rule, rollout: { ...rollout, percent } })
    }
  }
  // Once a position is given up, who was called by theirs keeps the name.
  const moved = before.some((rule, position) => !rules.has(ruleId(rule, position)))
  return moved ? [...rules].map(([id, rule]) => (isObject(rule) ? { ...rule, id } : rule)) : [...rules.values()]
}

function noRule(id: string, rules: ReadonlyMap<string, unknown>): string {
  return `names no rule of the flag.${didYouMean(id, [...rules.keys()])}`
}
