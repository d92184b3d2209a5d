import { didYouMean } from '../did-you-mean.ts'
import { ACTOR_ATTRIBUTES, REQUEST_ATTRIBUTES } from './attribute-names.ts'
import { MAX_DEPTH, pathParts } from './dotted-path.ts'
import { OPERATORS, scalar, scalars } from './operand-checks.ts'
import { describe, isObject, join, type Problems } from './problems.ts'

const ROOTS = ['org', 'actor', 'request', 'context']
const GROUPS = ['and', 'or', 'not', 'segment']
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  actor: ACTOR_ATTRIBUTES.map((name) => `actor.${name}`),
  request: REQUEST_ATTRIBUTES.map((name) => `request.${name}`),
}
/** What other products call the same. */
const SYNONYMS: Readonly<Record<string, string>> = {
  tenant: 'org',
  organization: 'org',
  organisation: 'org',
  account: 'org',
  user: 'actor',
  member: 'actor',
  attributes: 'context',
}
const OPERATOR_NAMES = Object.keys(OPERATORS)
const MAX_MEMBERS = 50
/** Conditions of one flag or segment, groups among them. */
export const MAX_CONDITIONS = 500

/** What conditions are checked with. */
export interface ConditionCheck {
  readonly problems: Problems
  /** Names of segments; absent where they are not known. */
  readonly segments: readonly string[] | undefined
  /** Told of each segment that is named. */
  onSegment?(name: string): void
  /** How many more there may be: what refers to itself has an end too. */
  left: number
}

/** What is not there narrows nothing: a condition on a variable that nobody set would hold for everybody. */
const UNDEFINED =
  'is undefined, and would hold for everybody: leave it out if it should, or say null for what is missing.'

/** Reports what is wrong with conditions, groups of them included. */
export function checkConditions(check: ConditionCheck, path: string, conditions: unknown, depth = 1): void {
  const { problems } = check
  if (depth > MAX_DEPTH) {
    problems.add(path, `must have at most ${MAX_DEPTH} levels.`)
    return
  }
  const members = problems.members(path, conditions)
  if (members.length > MAX_MEMBERS) problems.add(path, `must have at most ${MAX_MEMBERS} conditions.`)
  for (const [name, member] of members.slice(0, MAX_MEMBERS)) {
    if (check.left-- <= 0) {
      if (check.left === -1) problems.add(path, `is too much: a flag has at most ${MAX_CONDITIONS} conditions.`)
      return
    }
    if (GROUPS.includes(name)) checkGroup(check, path, name, member, depth)
    else {
      const at = `${path}["${name}"]`
      checkAttribute(problems, at, name)
      checkCondition(problems, at, member)
    }
  }
}

function checkGroup(check: ConditionCheck, path: string, name: string, member: unknown, depth: number): void {
  const at = join(path, name)
  if (member === undefined) check.problems.add(at, UNDEFINED)
  else if (name === 'segment') checkSegments(check, at, member)
  else if (name === 'not') checkConditions(check, at, member, depth + 1)
  else if (!Array.isArray(member)) check.problems.add(at, `must be a list of conditions, not ${describe(member)}.`)
  else if (member.length === 0) check.problems.add(at, 'must have at least one member.')
  else if (member.length > MAX_MEMBERS) check.problems.add(at, `must have at most ${MAX_MEMBERS} members.`)
  else for (const [i, one] of member.entries()) checkConditions(check, `${at}.${i}`, one, depth + 1)
}

function checkSegments(check: ConditionCheck, at: string, member: unknown): void {
  const { problems, segments } = check
  const names: readonly unknown[] = Array.isArray(member) ? member : [member]
  if (names.length === 0 || names.length > MAX_MEMBERS) {
    problems.add(at, `must name 1 to ${MAX_MEMBERS} segments.`)
    return
  }
  for (const [i, name] of names.entries()) {
    const place = Array.isArray(member) ? `${at}.${i}` : at
    if (typeof name !== 'string') problems.add(place, `must be a segment's name, not ${describe(name)}.`)
    else if (segments && !segments.includes(name)) {
      const hint = didYouMean(name.slice(0, 100), segments)
      problems.add(place, `names no segment of the catalog, ${describe(name)}.${hint}`)
    } else check.onSegment?.(name)
  }
}

const CREATED_AT = 'org.created_at'
const CREATED_AT_MISSPELT = 'org.createdAt'

function checkAttribute(problems: Problems, at: string, attribute: string): void {
  const parts = pathParts(attribute)
  const root = attribute.split('.', 1)[0] ?? ''
  const known = Object.hasOwn(ATTRIBUTES, root) ? ATTRIBUTES[root] : undefined
  if (!parts || parts.length < 2 || !ROOTS.includes(root)) {
    problems.add(at, `must address ${ROOTS.map((one) => `"${one}.…"`).join(', ')}.${rootHint(attribute, root)}`)
  } else if (known && !known.includes(attribute)) {
    const article = root === 'actor' ? 'an actor' : 'a request'
    problems.add(at, `is no attribute of ${article} (${known.join(', ')}).${didYouMean(attribute, known)}`)
  } else if (attribute === CREATED_AT_MISSPELT) {
    problems.add(at, `is not known. Did you mean "${CREATED_AT}"?`)
  }
}

function rootHint(attribute: string, root: string): string {
  const synonym = Object.hasOwn(SYNONYMS, root) ? SYNONYMS[root] : undefined
  if (synonym === undefined) return bareHint(attribute)
  const meant = `${synonym}${attribute.slice(root.length)}`
  const known = Object.hasOwn(ATTRIBUTES, synonym) ? ATTRIBUTES[synonym] : undefined
  return known ? didYouMean(meant, known) : ` Did you mean "${meant === CREATED_AT_MISSPELT ? CREATED_AT : meant}"?`
}

/** For what names no root: `ip`, `orr`, `plan`. */
function bareHint(attribute: string): string {
  const own = Object.values(ATTRIBUTES)
    .flat()
    .find((known) => known.endsWith(`.${attribute}`))
  if (own !== undefined) return ` Did you mean "${own}"?`
  const [root = ''] = attribute.split('.', 1)
  // One that names nothing of it.
  if (ROOTS.includes(root)) return ''
  const near = didYouMean(root, [...ROOTS, ...GROUPS])
  return near || !/^\w{1,100}$/.test(attribute) ? near : ` Did you mean "org.${attribute}"?`
}

function checkCondition(problems: Problems, at: string, condition: unknown): void {
  if (condition === undefined) {
    problems.add(at, UNDEFINED)
    return
  }
  if (!isObject(condition)) {
    const complaint = Array.isArray(condition) ? scalars(condition) : scalar(condition)
    if (complaint) problems.add(at, complaint)
    return
  }
  if (Object.keys(condition).length === 0) problems.add(at, 'must have at least one operator.')
  for (const operator of Object.keys(condition)) {
    if (Object.hasOwn(OPERATORS, operator)) continue
    const hint = didYouMean(operator.slice(0, 100), OPERATOR_NAMES) || ` There are ${OPERATOR_NAMES.join(', ')}.`
    problems.add(join(at, operator.slice(0, 100)), `is no operator.${hint}`)
  }
  for (const [operator, check] of Object.entries(OPERATORS)) {
    if (!Object.hasOwn(condition, operator)) continue
    const operand = condition[operator]
    const complaint = operand === undefined ? UNDEFINED : check(operand)
    if (complaint) problems.add(join(at, operator), complaint)
  }
}
