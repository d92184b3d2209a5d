import type { FlagCondition, FlagConditions } from '../catalog/definitions.ts'
import { attributeReader, type FlagSubject } from './attribute.ts'

export type Predicate = (subject: FlagSubject) => boolean
type Test = (value: unknown) => boolean

/** All conditions as one function. An attribute that is a list meets a condition when one of its members does. */
export function compileConditions(conditions: FlagConditions): Predicate {
  const predicates = Object.entries(conditions).map(([path, condition]) => {
    const read = attributeReader(path)
    const test = compileCondition(condition as FlagCondition)
    return (subject: FlagSubject): boolean => test(read(subject))
  })
  const [first, ...rest] = predicates
  if (!first) return () => true
  if (rest.length === 0) return first
  return (subject) => first(subject) && rest.every((predicate) => predicate(subject))
}

/** Whether any condition asks who acts, and not only which tenant it is. */
export function asksActor(conditions: FlagConditions | undefined): boolean {
  return conditions !== undefined && Object.keys(conditions).some((path) => path.startsWith('actor.'))
}

function compileCondition(condition: FlagCondition): Test {
  if (Array.isArray(condition)) return oneOf(condition)
  if (condition === null || typeof condition !== 'object') return oneOf([condition])
  const tests = Object.entries(condition)
    .filter(([, operand]) => operand !== undefined)
    .map(([operator, operand]) => {
      const make = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined
      return make ? make(operand) : () => false
    })
  const [only, ...rest] = tests
  if (only && rest.length === 0) return only
  return (value) => tests.every((test) => test(value))
}

const OPERATORS: Readonly<Record<string, (operand: unknown) => Test>> = {
  eq: (operand) => oneOf([operand]),
  in: (operands) => oneOf(operands as readonly unknown[]),
  not: (operand) => none(oneOf([operand])),
  notIn: (operands) => none(oneOf(operands as readonly unknown[])),
  gt: (operand) => any((value) => order(value, operand) > 0),
  gte: (operand) => any((value) => order(value, operand) >= 0),
  lt: (operand) => any((value) => order(value, operand) < 0),
  lte: (operand) => any((value) => order(value, operand) <= 0),
  before: (operand) => {
    const limit = Date.parse(String(operand))
    return any((value) => timeOf(value) < limit)
  },
  after: (operand) => {
    const limit = Date.parse(String(operand))
    return any((value) => timeOf(value) > limit)
  },
  startsWith: (operand) => any((value) => typeof value === 'string' && value.startsWith(String(operand))),
  endsWith: (operand) => any((value) => typeof value === 'string' && value.endsWith(String(operand))),
  contains: (operand) => any((value) => typeof value === 'string' && value.includes(String(operand))),
  exists: (operand) => (value) => (value !== undefined && value !== null) === operand,
}

/** Equal to one of the operands; what does not exist equals `null`. */
function oneOf(operands: readonly unknown[]): Test {
  if (operands.length === 1) {
    const [operand] = operands
    return any((value) => (value ?? null) === operand)
  }
  const set = new Set(operands)
  return any((value) => set.has(value ?? null))
}

function none(test: Test): Test {
  return (value) => !test(value)
}

function any(test: Test): Test {
  return (value) => (Array.isArray(value) ? value.some(test) : test(value))
}

/** Below, at or above 0 as the value is below, equal to or above the operand; NaN when they can't be compared. */
function order(value: unknown, operand: unknown): number {
  if (typeof value === 'number' && typeof operand === 'number') return value - operand
  if (typeof value !== 'string' || typeof operand !== 'string') return Number.NaN
  return value === operand ? 0 : value < operand ? -1 : 1
}

/** ms; NaN, which is neither before nor after anything, for what is no time. */
function timeOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string') return Date.parse(value)
  return value instanceof Date ? value.getTime() : Number.NaN
}
