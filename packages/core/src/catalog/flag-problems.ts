import { didYouMean } from '../did-you-mean.ts'
import { pathParts } from './dotted-path.ts'
import { describe, isObject, join, type Problem, Problems } from './problems.ts'

const FLAG_KEYS = ['variants', 'rules', 'default', 'enabled', 'description']
const RULE_KEYS = ['id', 'if', 'rollout', 'serve']
const ROLLOUT_KEYS = ['percent', 'by', 'seed']
const ACTOR_PATHS = ['actor.id', 'actor.type', 'actor.name', 'actor.roles']
const MAX_RULES = 100
const MAX_VARIANTS = 100
const MAX_CONDITIONS = 50
const MAX_LIST = 10_000

type Check = (value: unknown) => string | undefined

const scalar: Check = (value) =>
  value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
    ? undefined
    : `must be a text, number, boolean or null, not ${describe(value)}.`
const scalars: Check = (value) =>
  !Array.isArray(value)
    ? `must be a list, not ${describe(value)}.`
    : value.length > MAX_LIST
      ? `must have at most ${MAX_LIST} values.`
      : value.map(scalar).find((complaint) => complaint !== undefined)
const ordered: Check = (value) =>
  typeof value === 'string' || Number.isFinite(value)
    ? undefined
    : `must be a number or a text, not ${describe(value)}.`
const text: Check = (value) => (typeof value === 'string' ? undefined : `must be a text, not ${describe(value)}.`)
const time: Check = (value) =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value))
    ? undefined
    : `must be an ISO 8601 date or time, not ${describe(value)}.`
const truth: Check = (value) =>
  typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}.`

const OPERATORS: Readonly<Record<string, Check>> = {
  eq: scalar,
  not: scalar,
  in: scalars,
  notIn: scalars,
  gt: ordered,
  gte: ordered,
  lt: ordered,
  lte: ordered,
  before: time,
  after: time,
  startsWith: text,
  endsWith: text,
  contains: text,
  exists: truth,
}

const OPERATOR_NAMES = Object.keys(OPERATORS)

/** What is wrong with a flag's definition; nothing if it is right. */
export function flagProblems(definition: unknown, path = ''): readonly Problem[] {
  const problems = new Problems()
  if (!isObject(definition)) {
    problems.add(path, `must be a flag, { default: … }, not ${describe(definition)}.`)
    return problems.list
  }
  problems.unknownKeys(path, definition, FLAG_KEYS)
  problems.optionalText(join(path, 'description'), definition.description)
  const { enabled, rules } = definition
  if (enabled !== undefined && typeof enabled !== 'boolean') {
    problems.add(join(path, 'enabled'), `must be true or false, not ${describe(enabled)}.`)
  }
  const served = servable(problems, path, definition)
  served(join(path, 'default'), definition.default)
  if (rules !== undefined && !Array.isArray(rules))
    problems.add(join(path, 'rules'), `must be a list, not ${describe(rules)}.`)
  if (Array.isArray(rules)) {
    if (rules.length > MAX_RULES) problems.add(join(path, 'rules'), `must have at most ${MAX_RULES} rules.`)
    for (const [i, rule] of rules.slice(0, MAX_RULES).entries())
      checkRule(problems, `${join(path, 'rules')}.${i}`, rule, served)
  }
  return problems.list
}

type Servable = (path: string, value: unknown) => void

/** Checks that a value can be served: a boolean, or the name of a variant. */
function servable(problems: Problems, path: string, definition: Readonly<Record<string, unknown>>): Servable {
  if (definition.variants === undefined) {
    return (at, value) => {
      if (typeof value === 'boolean') return
      const hint = typeof value === 'string' ? ' Name the values under "variants" to serve them.' : ''
      problems.add(at, `must be true or false, not ${describe(value)}.${hint}`)
    }
  }
  const variants = problems.members(join(path, 'variants'), definition.variants)
  if (isObject(definition.variants) && Object.keys(definition.variants).length === 0) {
    problems.add(join(path, 'variants'), 'must name at least one variant.')
  }
  if (variants.length > MAX_VARIANTS) problems.add(join(path, 'variants'), `must be at most ${MAX_VARIANTS}.`)
  for (const [name, value] of variants.slice(0, MAX_VARIANTS)) problems.json(join(join(path, 'variants'), name), value)
  const names = variants.map(([name]) => name)
  return (at, value) => {
    if (typeof value === 'string' && names.includes(value)) return
    const hint = typeof value === 'string' ? didYouMean(value.slice(0, 100), names) : ''
    problems.add(at, `must name a variant, not ${describe(value)}.${hint}`)
  }
}

function checkRule(problems: Problems, path: string, rule: unknown, served: Servable): void {
  if (!isObject(rule)) {
    problems.add(path, `must be a rule, { if?, rollout?, serve }, not ${describe(rule)}.`)
    return
  }
  problems.unknownKeys(path, rule, RULE_KEYS)
  problems.optionalText(join(path, 'id'), rule.id)
  served(join(path, 'serve'), rule.serve)
  if (rule.if !== undefined) checkConditions(problems, join(path, 'if'), rule.if)
  if (rule.rollout !== undefined) checkRollout(problems, join(path, 'rollout'), rule.rollout)
}

function checkRollout(problems: Problems, path: string, rollout: unknown): void {
  if (!isObject(rollout)) {
    problems.add(path, `must be { percent, by?, seed? }, not ${describe(rollout)}.`)
    return
  }
  problems.unknownKeys(path, rollout, ROLLOUT_KEYS)
  problems.optionalText(join(path, 'seed'), rollout.seed)
  const { percent, by } = rollout
  if (typeof percent !== 'number' || !(percent >= 0 && percent <= 100)) {
    problems.add(join(path, 'percent'), `must be a number from 0 to 100, not ${describe(percent)}.`)
  }
  if (by !== undefined && by !== 'tenant' && by !== 'actor') {
    problems.add(join(path, 'by'), `must be "tenant" or "actor", not ${describe(by)}.`)
  }
}

function checkConditions(problems: Problems, path: string, conditions: unknown): void {
  const members = problems.members(path, conditions)
  if (members.length > MAX_CONDITIONS) problems.add(path, `must have at most ${MAX_CONDITIONS} conditions.`)
  for (const [attribute, condition] of members.slice(0, MAX_CONDITIONS)) {
    const at = `${path}["${attribute}"]`
    checkAttribute(problems, at, attribute)
    checkCondition(problems, at, condition)
  }
}

function checkAttribute(problems: Problems, at: string, attribute: string): void {
  const parts = pathParts(attribute)
  if (!parts || parts.length < 2 || (parts[0] !== 'org' && parts[0] !== 'actor')) {
    const root = attribute.split('.')[0] ?? ''
    const hint = ['tenant', 'organization', 'organisation', 'account'].includes(root)
      ? ` Did you mean "org${attribute.slice(root.length)}"?`
      : ['user', 'member'].includes(root)
        ? didYouMean(`actor${attribute.slice(root.length)}`, ACTOR_PATHS)
        : didYouMean(root, ['org', 'actor'])
    problems.add(at, `must address "org.…" or "actor.…".${hint}`)
  } else if (parts[0] === 'actor' && !ACTOR_PATHS.includes(attribute)) {
    problems.add(at, `is no attribute of an actor (${ACTOR_PATHS.join(', ')}).${didYouMean(attribute, ACTOR_PATHS)}`)
  } else if (attribute === 'org.createdAt') {
    problems.add(at, 'is not known. Did you mean "org.created_at"?')
  }
}

function checkCondition(problems: Problems, at: string, condition: unknown): void {
  if (Array.isArray(condition)) {
    const complaint = scalars(condition)
    if (complaint) problems.add(at, complaint)
  } else if (!isObject(condition)) {
    const complaint = scalar(condition)
    if (complaint) problems.add(at, complaint)
  } else {
    if (Object.keys(condition).length === 0) problems.add(at, 'must have at least one operator.')
    for (const operator of Object.keys(condition)) {
      if (Object.hasOwn(OPERATORS, operator)) continue
      const hint = didYouMean(operator.slice(0, 100), OPERATOR_NAMES) || ` There are ${OPERATOR_NAMES.join(', ')}.`
      problems.add(join(at, operator.slice(0, 100)), `is no operator.${hint}`)
    }
    for (const [operator, check] of Object.entries(OPERATORS)) {
      if (condition[operator] === undefined) continue
      const complaint = check(condition[operator])
      if (complaint) problems.add(join(at, operator), complaint)
    }
  }
}
