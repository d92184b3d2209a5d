import { isIsoMoment } from '../moment.ts'
import { isBlock, lengthOfTime, versionRange } from './flag-operands.ts'
import { FlagPattern } from './flag-pattern.ts'
import { PatternError } from './flag-pattern-parser.ts'
import { describe, isObject } from './problems.ts'
import type { FlagOperator } from './unsound-flag.ts'

/** What is wrong with a value, as the end of a sentence; `undefined` if nothing is. */
export type Check = (value: unknown) => string | undefined

const MAX_LIST = 10_000
const MAX_BLOCKS = 1_000
const MAX_TEXT = 4_096

export const scalar: Check = (value) =>
  value === null || typeof value === 'boolean' || Number.isFinite(value)
    ? undefined
    : typeof value === 'string'
      ? text(value)
      : `must be a text, number, boolean or null, not ${describe(value)}.`

export const scalars: Check = (value) =>
  !Array.isArray(value)
    ? `must be a list, not ${describe(value)}.`
    : value.length > MAX_LIST
      ? `must have at most ${MAX_LIST} values.`
      : [...value].map(scalar).find((complaint) => complaint !== undefined)

export const isoTime: Check = (value) =>
  typeof value === 'string' && isIsoMoment(value)
    ? undefined
    : `must be an ISO 8601 date, or a time with its zone, not ${describe(value)}.`

const text: Check = (value) =>
  typeof value !== 'string'
    ? `must be a text, not ${describe(value)}.`
    : value.length > MAX_TEXT
      ? `must have at most ${MAX_TEXT} characters.`
      : undefined

const ordered: Check = (value) =>
  typeof value === 'string'
    ? text(value)
    : Number.isFinite(value)
      ? undefined
      : `must be a number or a text, not ${describe(value)}.`

const time: Check = (value) => {
  if (!isObject(value)) return isoTime(value)
  const known = Object.keys(value).every((name) => name === 'ago') && lengthOfTime(value.ago) !== undefined
  return known ? undefined : `must be { ago: '14d' }, a number of m, h, d or w, or an ISO 8601 time.`
}

const truth: Check = (value) =>
  typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}.`

const pattern: Check = (value) => {
  if (typeof value !== 'string') return text(value)
  try {
    new FlagPattern(value)
    return undefined
  } catch (error) {
    if (error instanceof PatternError) return error.message
    throw error
  }
}

const versions: Check = (value) =>
  versionRange(value) ? undefined : `must be a range of versions, such as ">=1.2.0 <2", not ${describe(value)}.`

const blocks: Check = (value) => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length > MAX_BLOCKS) return `must have at most ${MAX_BLOCKS} blocks.`
  const wrong = list.findIndex((block) => !isBlock(block))
  return wrong < 0 ? undefined : `must be a block of addresses, such as "10.0.0.0/8", not ${describe(list[wrong])}.`
}

/** Operators of conditions, and what they take. */
export const OPERATORS: Readonly<Record<string, Check>> = {
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
  matches: pattern,
  semver: versions,
  cidr: blocks,
  exists: truth,
} satisfies Record<FlagOperator, Check>
