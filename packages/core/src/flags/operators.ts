import type { FlagCondition } from '../catalog/definitions.ts'
import { AddressBlocks, lengthOfTime, timeOfText, versionRange } from '../catalog/flag-operands.ts'
import { FlagPattern } from '../catalog/flag-pattern.ts'
import type { FlagOperator } from '../catalog/unsound-flag.ts'
import { remembered } from './remembered.ts'

/**
 * Whether a value meets a condition.
 *
 * @param now ms
 */
export type ValueTest = (value: unknown, now: number) => boolean

/** Characters of a list's texts that patterns and versions are looked for in; what stands after them does not match. */
const MAX_LISTED = 10_000
/** Times are mostly those at which tenants were created. */
const MAX_TIMES = 10_000
/** Versions and addresses, of each condition on them. */
const MAX_KNOWN = 100

/** A valid condition as one function. A list meets a condition when one of its members does. */
export function compileCondition(condition: FlagCondition): ValueTest {
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
  return (value, now) => {
    for (const test of tests) if (!test(value, now)) return false
    return true
  }
}

/** Whether a condition's answer changes with time by itself. */
export function asksTime(condition: FlagCondition): boolean {
  if (condition === null || typeof condition !== 'object' || Array.isArray(condition)) return false
  const { before, after } = condition as { readonly before?: unknown; readonly after?: unknown }
  return [before, after].some((time) => typeof time === 'object' && time !== null)
}

const OPERATORS: Readonly<Record<string, (operand: unknown) => ValueTest>> = {
  eq: (operand) => oneOf([operand]),
  in: (operands) => oneOf(operands as readonly unknown[]),
  not: (operand) => none(oneOf([operand])),
  notIn: (operands) => none(oneOf(operands as readonly unknown[])),
  gt: (operand) => any((value) => order(value, operand) > 0),
  gte: (operand) => any((value) => order(value, operand) >= 0),
  lt: (operand) => any((value) => order(value, operand) < 0),
  lte: (operand) => any((value) => order(value, operand) <= 0),
  before: (operand) => {
    const limit = timeLimit(operand)
    return any((value, now) => timeOf(value) < limit(now))
  },
  after: (operand) => {
    const limit = timeLimit(operand)
    return any((value, now) => timeOf(value) > limit(now))
  },
  startsWith: (operand) => any((value) => typeof value === 'string' && value.startsWith(String(operand))),
  endsWith: (operand) => any((value) => typeof value === 'string' && value.endsWith(String(operand))),
  contains: (operand) => any((value) => typeof value === 'string' && value.includes(String(operand))),
  matches: (operand) => {
    const pattern = new FlagPattern(String(operand))
    return anyListed((value) => typeof value === 'string' && pattern.test(value))
  },
  semver: (operand) => {
    const range = versionRange(operand)
    const has = remembered(MAX_KNOWN, (version) => range?.has(version) === true)
    return anyListed((value) => typeof value === 'string' && has(value))
  },
  cidr: (operand) => {
    const blocks = new AddressBlocks(typeof operand === 'string' ? [operand] : (operand as readonly string[]))
    const has = remembered(MAX_KNOWN, (address) => blocks.has(address))
    return any((value) => typeof value === 'string' && has(value))
  },
  exists: (operand) => (value) => (value !== undefined && value !== null) === operand,
} satisfies Record<FlagOperator, (operand: unknown) => ValueTest>

/** Equal to one of the operands; what does not exist equals `null`. */
function oneOf(operands: readonly unknown[]): ValueTest {
  if (operands.length === 1) {
    const [operand] = operands
    return any((value) => (value ?? null) === operand)
  }
  const set = new Set(operands)
  return any((value) => set.has(value ?? null))
}

function none(test: ValueTest): ValueTest {
  return (value, now) => !test(value, now)
}

/** By index, as in `anyListed`: an iterator would take a place in memory at each evaluation. */
function any(test: ValueTest): ValueTest {
  return (value, now) => {
    if (!Array.isArray(value)) return test(value, now)
    for (let i = 0; i < value.length; i++) if (test(value[i], now)) return true
    return false
  }
}

/** As `any`, of tests that take their time: a list may come with the call, as long as its sender likes. */
function anyListed(test: (value: unknown) => boolean): ValueTest {
  return (value) => {
    if (!Array.isArray(value)) return test(value)
    let left = MAX_LISTED
    for (let i = 0; i < value.length; i++) {
      const member: unknown = value[i]
      left -= typeof member === 'string' ? member.length + 1 : 1
      if (left < 0) return false
      if (test(member)) return true
    }
    return false
  }
}

/** Below, at or above 0 as the value is below, equal to or above the operand; NaN when they can't be compared. */
function order(value: unknown, operand: unknown): number {
  if (typeof value === 'number' && typeof operand === 'number') return value - operand
  if (typeof value !== 'string' || typeof operand !== 'string') return Number.NaN
  return value === operand ? 0 : value < operand ? -1 : 1
}

const knownTime = remembered(MAX_TIMES, timeOfText)

/** ms; NaN, which is neither before nor after anything, for what is no time. */
function timeOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string') return knownTime(value)
  return value instanceof Date ? value.getTime() : Number.NaN
}

function timeLimit(operand: unknown): (now: number) => number {
  if (typeof operand !== 'object' || operand === null) {
    const limit = Date.parse(String(operand))
    return () => limit
  }
  const ago = lengthOfTime((operand as { readonly ago?: unknown }).ago) ?? Number.NaN
  return (now) => now - ago
}
