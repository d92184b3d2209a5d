import { didYouMean } from '../did-you-mean.ts'
import { ALGORITHM, BUCKETS } from './buckets.ts'
import type { ConditionCheck } from './flag-condition-problems.ts'
import { MAX_CONDITIONS } from './flag-condition-problems.ts'
import { checkLayerUnits } from './flag-layer-problems.ts'
import { checkMetadata } from './flag-metadata-problems.ts'
import { checkPrerequisites } from './flag-prerequisite-problems.ts'
import type { RuleCheck } from './flag-rule-problems.ts'
import { checkName, checkRule } from './flag-rule-problems.ts'
import type { FlagSurroundings } from './flag-surroundings.ts'
import { describe, isObject, join, type Problem, Problems } from './problems.ts'

const FLAG_KEYS = [
  'variants',
  'rules',
  'default',
  'enabled',
  'description',
  'seed',
  'algorithm',
  'prerequisites',
  'metadata',
] as const
const MAX_RULES = 100
const MAX_VARIANTS = 100
const MAX_WEIGHT = 1_000_000
const MAX_DESCRIPTION = 4_096

/** What is wrong with a flag's definition, each with its path; nothing if it is right. Never throws. */
export function flagProblems(definition: unknown, path = '', around: FlagSurroundings = {}): readonly Problem[] {
  const problems = new Problems()
  try {
    checkFlag(problems, path, definition, around)
  } catch (error) {
    problems.add(path, `can not be read: ${error instanceof Error ? error.message : 'something was thrown'}`)
  }
  return problems.list
}

function checkFlag(problems: Problems, path: string, definition: unknown, around: FlagSurroundings): void {
  if (!isObject(definition)) {
    problems.add(path, `must be a flag, { default: … }, not ${describe(definition)}.`)
    return
  }
  problems.unknownKeys(path, definition, FLAG_KEYS)
  const { enabled, rules, description, seed, algorithm } = definition
  problems.optionalText(join(path, 'description'), description)
  if (typeof description === 'string' && description.length > MAX_DESCRIPTION)
    problems.add(join(path, 'description'), `must have at most ${MAX_DESCRIPTION} characters.`)
  if (seed !== undefined) checkName(problems, join(path, 'seed'), seed)
  if (algorithm !== undefined && algorithm !== ALGORITHM)
    problems.add(join(path, 'algorithm'), `must be ${ALGORITHM}, not ${describe(algorithm)}.`)
  if (enabled !== undefined && typeof enabled !== 'boolean')
    problems.add(join(path, 'enabled'), `must be true or false, not ${describe(enabled)}.`)
  const served = servable(problems, path, definition)
  served.one(join(path, 'default'), definition.default)
  if (definition.prerequisites !== undefined) checkPrerequisites(problems, path, definition.prerequisites, around)
  if (definition.metadata !== undefined) checkMetadata(problems, join(path, 'metadata'), definition.metadata)
  if (rules === undefined) return
  if (!Array.isArray(rules)) {
    problems.add(join(path, 'rules'), `must be a list, not ${describe(rules)}.`)
    return
  }
  if (rules.length > MAX_RULES) problems.add(join(path, 'rules'), `must have at most ${MAX_RULES} rules.`)
  const check: ConditionCheck & RuleCheck = {
    problems,
    segments: around.segments,
    tenantsListed: around.tenantsListed,
    ids: new Set(),
    left: MAX_CONDITIONS,
    served: served.some,
  }
  for (const [i, rule] of rules.slice(0, MAX_RULES).entries()) checkRule(check, `${join(path, 'rules')}.${i}`, rule, i)
  if (problems.list.length === 0) checkLayerUnits(problems, path, definition, around)
}

interface Servable {
  /** Checks that a value can be served: a boolean, or the name of a variant. */
  one(path: string, value: unknown): void
  /** The same, or variants by weight. */
  some(path: string, value: unknown): void
}

function servable(problems: Problems, path: string, definition: Readonly<Record<string, unknown>>): Servable {
  if (definition.variants === undefined) {
    const one = (at: string, value: unknown): void => {
      if (typeof value === 'boolean') return
      const hint = typeof value === 'string' ? ' Name the values under "variants" to serve them.' : ''
      problems.add(at, `must be true or false, not ${describe(value)}.${hint}`)
    }
    return { one, some: one }
  }
  const variants = problems.members(join(path, 'variants'), definition.variants)
  if (isObject(definition.variants) && Object.keys(definition.variants).length === 0)
    problems.add(join(path, 'variants'), 'must name at least one variant.')
  if (variants.length > MAX_VARIANTS) problems.add(join(path, 'variants'), `must be at most ${MAX_VARIANTS}.`)
  for (const [name, value] of variants.slice(0, MAX_VARIANTS)) problems.json(join(join(path, 'variants'), name), value)
  const names = variants.map(([name]) => name)
  const one = (at: string, value: unknown): void => {
    if (typeof value === 'string' && names.includes(value)) return
    const hint = typeof value === 'string' ? didYouMean(value.slice(0, 100), names) : ''
    problems.add(at, `must name a variant, not ${describe(value)}.${hint}`)
  }
  return {
    one,
    some: (at, value) => (isObject(value) ? checkWeights(problems, at, value, names) : one(at, value)),
  }
}

function checkWeights(
  problems: Problems,
  path: string,
  weights: Readonly<Record<string, unknown>>,
  variants: readonly string[],
): void {
  problems.unknownKeys(path, weights, variants)
  const given = new Map<string, number>()
  for (const name of variants) {
    const weight = Object.hasOwn(weights, name) ? weights[name] : undefined
    if (weight === undefined) continue
    if (typeof weight === 'number' && weight >= 0 && weight <= MAX_WEIGHT) given.set(name, weight)
    else problems.add(join(path, name), `must be a number from 0 to ${MAX_WEIGHT}, not ${describe(weight)}.`)
  }
  const total = [...given.values()].reduce((sum, weight) => sum + weight, 0)
  for (const [name, weight] of given) {
    if (weight > 0 && (weight / total) * BUCKETS < 1)
      problems.add(join(path, name), 'must be 0 or at least a thousandth of a per cent of all weights: less is nobody.')
  }
  if (total === 0) problems.add(path, 'must give weight to at least one variant.')
}
