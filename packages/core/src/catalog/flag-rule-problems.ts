import { didYouMean } from '../did-you-mean.ts'
import { BUCKETS, bucketsIn } from './buckets.ts'
import type { ConditionCheck } from './flag-condition-problems.ts'
import { checkConditions } from './flag-condition-problems.ts'
import { isoTime } from './operand-checks.ts'
import { describe, isObject, join, type Problems } from './problems.ts'
import { ruleId } from './rule-id.ts'

const RULE_KEYS = ['id', 'if', 'rings', 'upTo', 'from', 'until', 'layer', 'rollout', 'serve']
/** What one bucket is. */
const LEAST_PERCENT = 100 / BUCKETS
const ROLLOUT_KEYS = ['percent', 'exactly', 'by', 'seed']
/** What a rule's members are called elsewhere. */
const MEANT: Readonly<Record<string, string>> = {
  when: 'if',
  conditions: 'if',
  percent: 'rollout: { percent }',
  percentage: 'rollout: { percent }',
  exactly: 'rollout: { exactly }',
  value: 'serve',
  variant: 'serve',
  weights: 'serve',
}
/** Members without which a rule holds for more. */
const NARROWING = ['if', 'rings', 'upTo', 'from', 'until', 'layer', 'rollout']
const LAYER_KEYS = ['name', 'from', 'to', 'by']
const RING_KEYS = ['name', 'if']
const RESERVED_ID = /^(override$|plan:|prerequisite:)/
const MAX_NAME = 100
const MAX_RINGS = 20
const MAX_EXACTLY = 1_000_000

/** What rules are checked with. */
export interface RuleCheck extends ConditionCheck {
  /** Tenants can be counted, as `exactly` needs it; absent where that is not known. */
  readonly tenantsListed: boolean | undefined
  /** Ids of the rules before. */
  readonly ids: Set<string>
  /** Checks what is served: a boolean, a variant, or weights. */
  served(path: string, value: unknown): void
}

/** Reports what is wrong with a rule; its position counts from 0. */
export function checkRule(check: RuleCheck, path: string, rule: unknown, position: number): void {
  const { problems, ids } = check
  if (!isObject(rule)) {
    problems.add(path, `must be a rule, { if?, rollout?, serve }, not ${describe(rule)}.`)
    return
  }
  for (const [member, value] of Object.entries(rule)) {
    const at = join(path, member.slice(0, 100))
    if (!RULE_KEYS.includes(member)) problems.add(at, `is not known.${memberHint(member)}`)
    else if (value === undefined && NARROWING.includes(member))
      problems.add(at, 'is undefined, and the rule would hold without it: leave it out if it should.')
  }
  const { id, from, until } = rule
  // A rule without an id goes by its position: no other may be called that.
  const name = id === undefined ? ruleId({}, position) : id
  if (checkName(problems, join(path, 'id'), name)) {
    if (RESERVED_ID.test(name)) problems.add(join(path, 'id'), `is a name that is not allowed: "${name}".`)
    else if (ids.has(name)) problems.add(join(path, 'id'), `is the id of two rules: "${name}".`)
    ids.add(name)
  }
  check.served(join(path, 'serve'), rule.serve)
  if (rule.if !== undefined) checkConditions(check, join(path, 'if'), rule.if)
  if (rule.rings !== undefined || rule.upTo !== undefined) checkRings(check, path, rule.rings, rule.upTo)
  for (const [name, time] of Object.entries({ from, until })) {
    const complaint = time === undefined ? undefined : isoTime(time)
    if (complaint) problems.add(join(path, name), complaint)
  }
  if (typeof from === 'string' && typeof until === 'string' && Date.parse(from) >= Date.parse(until))
    problems.add(join(path, 'until'), 'must be later than "from".')
  if (rule.layer !== undefined) checkLayer(problems, join(path, 'layer'), rule.layer)
  if (rule.rollout !== undefined) checkRollout(check, join(path, 'rollout'), rule.rollout)
}

function memberHint(member: string): string {
  if (Object.hasOwn(MEANT, member)) return ` Did you mean "${MEANT[member]}"?`
  return didYouMean(member.slice(0, 100), RULE_KEYS) || ` There are ${RULE_KEYS.join(', ')}.`
}

/** Reports what is no name; true for one. */
export function checkName(problems: Problems, path: string, name: unknown): name is string {
  if (typeof name === 'string' && name !== '' && name.length <= MAX_NAME) return true
  problems.add(path, `must be a text of 1 to ${MAX_NAME} characters, not ${describe(name)}.`)
  return false
}

function checkRings(check: RuleCheck, path: string, rings: unknown, upTo: unknown): void {
  const { problems } = check
  const at = join(path, 'rings')
  if (!Array.isArray(rings) || rings.length === 0 || rings.length > MAX_RINGS) {
    problems.add(at, `must be a list of 1 to ${MAX_RINGS} rings, not ${describe(rings)}.`)
    return
  }
  const names: string[] = []
  for (const [i, ring] of rings.entries()) {
    if (!isObject(ring)) {
      problems.add(`${at}.${i}`, `must be a ring, { name, if }, not ${describe(ring)}.`)
      continue
    }
    problems.unknownKeys(`${at}.${i}`, ring, RING_KEYS)
    if (checkName(problems, `${at}.${i}.name`, ring.name)) {
      if (names.includes(ring.name)) problems.add(`${at}.${i}.name`, `is the name of two rings: "${ring.name}".`)
      names.push(ring.name)
    }
    checkConditions(check, `${at}.${i}.if`, ring.if)
  }
  if (typeof upTo === 'string' && names.includes(upTo)) return
  const hint = typeof upTo === 'string' ? didYouMean(upTo.slice(0, 100), names) : ''
  problems.add(join(path, 'upTo'), `must name a ring, not ${describe(upTo)}.${hint}`)
}

function checkLayer(problems: Problems, path: string, layer: unknown): void {
  if (!isObject(layer)) {
    problems.add(path, `must be { name, from, to, by? }, not ${describe(layer)}.`)
    return
  }
  problems.unknownKeys(path, layer, LAYER_KEYS)
  checkName(problems, join(path, 'name'), layer.name)
  const ends = [
    checkPercent(problems, join(path, 'from'), layer.from),
    checkPercent(problems, join(path, 'to'), layer.to),
  ]
  if (ends.every(Boolean) && bucketsIn(Number(layer.from)) >= bucketsIn(Number(layer.to)))
    problems.add(join(path, 'to'), 'must be more than "from", by a thousandth at least.')
  checkUnit(problems, join(path, 'by'), layer.by)
}

function checkRollout(check: RuleCheck, path: string, rollout: unknown): void {
  const { problems, tenantsListed } = check
  if (!isObject(rollout)) {
    problems.add(path, `must be { percent, by?, seed? } or { exactly, seed? }, not ${describe(rollout)}.`)
    return
  }
  const exact = Object.hasOwn(rollout, 'exactly')
  problems.unknownKeys(path, rollout, ROLLOUT_KEYS)
  if (rollout.seed !== undefined) checkName(problems, join(path, 'seed'), rollout.seed)
  if (!exact) {
    checkPercent(problems, join(path, 'percent'), rollout.percent)
    checkUnit(problems, join(path, 'by'), rollout.by)
    return
  }
  for (const name of ['percent', 'by']) {
    if (Object.hasOwn(rollout, name)) problems.add(join(path, name), 'must be left out beside "exactly".')
  }
  const { exactly } = rollout
  if (!Number.isSafeInteger(exactly) || Number(exactly) < 0 || Number(exactly) > MAX_EXACTLY)
    problems.add(join(path, 'exactly'), `must be a whole number from 0 to ${MAX_EXACTLY}, not ${describe(exactly)}.`)
  if (tenantsListed === false) {
    const remedy = "give createThroughline tenants: 'ours' or tenants.list"
    problems.add(join(path, 'exactly'), `must have tenants that can be counted: ${remedy}, or use percent.`)
  }
}

function checkPercent(problems: Problems, path: string, percent: unknown): boolean {
  const known = typeof percent === 'number' && percent >= 0 && percent <= 100
  if (known && (percent === 0 || percent >= LEAST_PERCENT)) return true
  const least = known ? `0 or at least ${LEAST_PERCENT}: less than a thousandth is nobody` : 'a number from 0 to 100'
  problems.add(path, `must be ${least}, not ${describe(percent)}.`)
  return false
}

function checkUnit(problems: Problems, path: string, by: unknown): void {
  if (by !== undefined && by !== 'tenant' && by !== 'actor')
    problems.add(path, `must be "tenant" or "actor", not ${describe(by)}.`)
}
