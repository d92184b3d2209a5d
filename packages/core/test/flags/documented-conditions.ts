import { BlockList, isIP } from 'node:net'
import { satisfies } from 'semver'
import type { FlagConditions, FlagTime } from '../../src/catalog/definitions.ts'
import type { FlagSubject } from '../../src/flags/attribute.ts'

/** Who asks, and when. */
export type Subject = FlagSubject & { readonly asOf: number }

/** `undefined`: who acts, the request or the call decides. */
export type Answer = boolean | undefined

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

export const every = (answers: readonly Answer[]): Answer =>
  answers.includes(false) ? false : answers.includes(undefined) ? undefined : true
export const some = (answers: readonly Answer[]): Answer =>
  answers.includes(true) ? true : answers.includes(undefined) ? undefined : false
const opposite = (answer: Answer): Answer => (answer === undefined ? undefined : !answer)

/**
 * Conditions as `docs/04-flags.md` tells of them, in another way than flags have them compiled.
 *
 * @param alone as far as the tenant alone decides
 */
export function holds(
  conditions: FlagConditions,
  of: Subject,
  segments: Readonly<Record<string, FlagConditions>>,
  alone = false,
): Answer {
  const inside = (one: FlagConditions): Answer => holds(one, of, segments, alone)
  const { and, or, not, segment, ...attributes } = conditions
  const answers = Object.entries(attributes).map(([path, condition]): Answer => {
    return alone && !path.startsWith('org.') ? undefined : meets(condition, read(path, of), of.asOf)
  })
  if (and) answers.push(every(and.map(inside)))
  if (or) answers.push(some(or.map(inside)))
  if (not) answers.push(opposite(inside(not)))
  if (segment !== undefined) answers.push(some([segment].flat().map((name) => inside(segments[name] ?? {}))))
  return every(answers)
}

function read(path: string, { tenant, actor, request, attributes }: Subject): unknown {
  const [root = '', ...rest] = path.split('.')
  const org = { ...tenant.attributes, id: tenant.id, plan: tenant.plan, created_at: tenant.createdAt }
  let value: unknown = { org, actor, request, context: attributes }[root]
  for (const name of rest) {
    const inside: Readonly<Record<string, unknown>> = Object(value)
    value = Object.hasOwn(inside, name) ? inside[name] : undefined
  }
  return value ?? null
}

function meets(condition: unknown, value: unknown, now: number): boolean {
  if (Array.isArray(condition)) return meets({ in: condition }, value, now)
  if (typeof condition !== 'object' || condition === null) return meets({ eq: condition }, value, now)
  const members: readonly unknown[] = Array.isArray(value) ? value : [value]
  return Object.entries(condition).every(([operator, operand]) => {
    if (operator === 'exists') return (value !== null) === operand
    if (operator === 'not') return !members.includes(operand)
    if (operator === 'notIn') return !members.some((member) => operand.includes(member))
    return members.some((member) => test(operator, operand as never, member as never, now))
  })
}

function test(operator: string, operand: never, value: never, now: number): boolean {
  const text = typeof value === 'string' ? (value as string) : undefined
  if (operator === 'eq') return value === operand
  if (operator === 'in') return (operand as readonly unknown[]).includes(value)
  if (operator === 'before') return timeOf(value) < limitOf(operand, now)
  if (operator === 'after') return timeOf(value) > limitOf(operand, now)
  if (['gt', 'gte', 'lt', 'lte'].includes(operator)) {
    if (typeof value !== typeof operand) return false
    if (value === operand) return operator.endsWith('e')
    return operator.startsWith('g') ? value > operand : value < operand
  }
  if (text === undefined) return false
  if (operator === 'startsWith') return text.startsWith(operand)
  if (operator === 'endsWith') return text.endsWith(operand)
  if (operator === 'contains') return text.includes(operand)
  if (operator === 'matches') return new RegExp(operand, 'u').test(text)
  if (operator === 'semver') return satisfies(text, operand)
  return [operand].flat().some((block) => inBlock(text, block))
}

function inBlock(address: string, block: string): boolean {
  const [base = '', bits = ''] = block.split('/')
  if (isIP(address) === 0 || isIP(address) !== isIP(base)) return false
  const family = isIP(base) === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(base, Number(bits), family)
  return list.check(address, family)
}

function timeOf(value: unknown): number {
  if (value instanceof Date) return value.getTime()
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value)) return Date.parse(value)
  return typeof value === 'number' ? value : Number.NaN
}

function limitOf(time: FlagTime, now: number): number {
  if (typeof time === 'string') return Date.parse(time)
  return now - Number(time.ago.slice(0, -1)) * (UNITS[time.ago.slice(-1)] as number)
}
