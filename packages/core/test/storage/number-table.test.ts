import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NumberTable } from '../../src/storage/number-table.ts'

/** A row's first number is when it is over. */
const until = (numbers: Float64Array, at: number, now: number): number => (numbers[at] as number) - now
const NEVER = 1e15

function put(table: NumberTable, key: string, now: number, end: number, value: number): void {
  const found = table.find(key)
  const at = found < 0 ? table.add(key, now) : found
  table.numbers[at] = end
  table.numbers[at + 1] = value
}

const valueAt = (table: NumberTable, key: string): number | undefined => {
  const at = table.find(key)
  return at < 0 ? undefined : table.numbers[at + 1]
}

describe('a table of numbers', () => {
  it('has what a map has, whatever comes and goes', () => {
    const commands = fc.array(fc.tuple(fc.nat(400), fc.boolean()), { minLength: 300, maxLength: 2_000 })
    fc.assert(
      fc.property(commands, (list) => {
        const table = new NumberTable(1e6, until)
        const model = new Map<string, number>()
        let [now, value] = [0, 0]
        for (const [n, brief] of list) {
          now += 1_001
          value += 1
          const key = `tenant-${n}`
          put(table, key, now, brief ? now : NEVER, value)
          if (brief) model.delete(key)
          else model.set(key, value)
        }
        for (const [key, expected] of model) expect(valueAt(table, key)).toBe(expected)
        expect(table.size).toBeGreaterThanOrEqual(model.size)
      }),
      { numRuns: 30 },
    )
  })

  it('finds each of many keys while others are swept, also where their places touch', () => {
    const table = new NumberTable(1e6, until)
    for (let i = 0; i < 30_000; i++) put(table, `kept-${i}`, 0, NEVER, i)
    for (let i = 0; i < 60_000; i++) put(table, `brief-${i}`, i * 10, i * 10, i)
    for (let i = 0; i < 30_000; i++) expect(valueAt(table, `kept-${i}`)).toBe(i)
    expect(table.size).toBeLessThan(30_000 + 60_000)
    expect(valueAt(table, 'other')).toBeUndefined()
  })

  it('tells keys apart whose hashes are alike: of so many some are', () => {
    const table = new NumberTable(1e6, until)
    for (let i = 0; i < 60_000; i++) put(table, `kept-${i}`, 0, NEVER, i)
    let found = 0
    for (let i = 0; i < 300_000; i++) if (table.find(`other-${i}`) >= 0) found++
    expect(found).toBe(0)
  })

  it('keeps to its bound, and each key is there once', () => {
    const table = new NumberTable(500, until)
    for (let i = 0; i < 5_000; i++) put(table, `key-${i % 1_000}`, i, NEVER, i)
    expect(table.size).toBe(500)
    const there = Array.from({ length: 1_000 }, (_, i) => table.find(`key-${i}`)).filter((at) => at >= 0)
    expect([there.length, new Set(there).size]).toEqual([500, 500])
  })

  it('believes no guess that is not right', () => {
    const table = new NumberTable(10, until)
    put(table, 'a', 0, NEVER, 1)
    put(table, 'b', 0, NEVER, 2)
    const [a, b] = [table.find('a'), table.find('b')]
    for (const guess of [-1, a, b, 400, 1e9, Number.NaN]) {
      expect([table.find('a', guess), table.find('b', guess), table.find('c', guess)]).toEqual([a, b, -1])
    }
  })

  it('adds keys in another order than they were looked for', () => {
    const table = new NumberTable(1_000, until)
    const keys = Array.from({ length: 600 }, (_, i) => `key-${i}`)
    for (const key of keys) expect(table.find(key)).toBe(-1)
    const places = keys.map((key) => table.add(key, 0))
    expect(keys.map((key) => table.find(key))).toEqual(places)
  })

  it('is empty when it was cleared, and takes the same keys again', () => {
    const table = new NumberTable(1_000, until)
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 700; i++) put(table, `key-${round}-${i}`, 0, NEVER, i)
      table.clear()
    }
    expect([table.size, table.find('key-4-3')]).toEqual([0, -1])
    put(table, 'key-4-3', 0, NEVER, 7)
    expect([table.size, valueAt(table, 'key-4-3')]).toEqual([1, 7])
  })
})
