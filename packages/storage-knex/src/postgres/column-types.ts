import { fromColumn } from './text.ts'

const BOOL = 16
const INT8 = 20
const INT4 = 23
const TEXT = 25

/** The types whose values are read as more than the text they are sent as. */
export const READ_TYPES: readonly number[] = [BOOL, INT8, INT4, TEXT]

/** How a column of this type (by its OID) is read. */
export function parserOf(type: number): (text: string) => unknown {
  if (type === TEXT) return fromColumn
  if (type === INT8) return toInteger
  if (type === INT4) return Number
  return type === BOOL ? isTrue : asItIs
}

/** Text as the database sent it. */
export function asItIs(text: string): string {
  return text
}

function toInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond the whole numbers that JavaScript keeps.`)
  return value
}

function isTrue(text: string): boolean {
  return text === 't'
}
