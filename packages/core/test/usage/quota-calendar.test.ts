import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { quotaPerDay, quotaPerMonth } from '../../src/catalog/index.ts'
import { calendars, UTC_CALENDAR } from '../../src/usage/index.ts'
import { Ledger } from './ledger.ts'

const HOUR = 3_600_000
const of = calendars((message) => expect.fail(message))
const KOLKATA = of({ id: 'acme', timeZone: 'Asia/Kolkata' })
const NEW_YORK_15TH = of({ id: 'acme', timeZone: 'America/New_York', billingAnchor: 15 })
const ANCHORED = of({ id: 'acme', timeZone: 'Asia/Kolkata', billingAnchor: '2026-01-15T16:07:30' })

let ledger: Ledger

beforeEach(async () => {
  ledger = await new Ledger().open()
})

/** What a counter has; `undefined` if there is none. */
async function counterOf(period: string, book = ledger): Promise<number | undefined> {
  const quotas = [{ tenant: 'acme', meter: 'bytes', period, delta: 0 }]
  const result = await book.records.commit({ writer: 'x', lane: 0, writes: [], quotas, body: '[]' })
  return result.status === 'committed' ? result.used[0] : undefined
}

describe('a hard quota of a tenant with a calendar of its own', () => {
  it('counts in its day, and says when that ends', async () => {
    const quotas = { bytes: quotaPerDay(10, { hard: true }) }
    const usage = ledger.engine(ledger.scope(quotas, 'acme', KOLKATA))
    ledger.now = Date.parse('2026-11-15T18:29:30Z')
    await usage.record('bytes', 8)
    await expect(usage.record('bytes', 3)).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
      headers: { 'Retry-After': '30' },
      details: { used: 8, retryAfter: 30, resetsAt: '2026-11-15T18:30:00.000Z' },
    })
    ledger.now = Date.parse('2026-11-15T18:30:00Z')
    await usage.record('bytes', 3)
    expect(await usage.remaining('bytes')).toMatchObject({ used: 3, resetsAt: '2026-11-16T18:30:00.000Z' })
    expect(await usage.totals({ meter: 'bytes', period: 'day' })).toEqual({
      from: '2026-11-15T18:30:00.000Z',
      to: '2026-11-16T18:30:00.000Z',
      totals: [{ meter: 'bytes', quantity: 3, count: 1 }],
    })
    const yesterday = await usage.totals({ meter: 'bytes', period: 'day', at: '2026-11-15T12:00Z' })
    expect(yesterday.totals[0]?.quantity).toBe(8)
    expect((await usage.totals({ meter: 'bytes' })).totals[0]?.quantity).toBe(11)
    expect(await counterOf('2026-11-14T18:30:00.000Z/2026-11-15T18:30:00.000Z')).toBe(8)
  })

  it('counts from its anchor, to the second', async () => {
    const quotas = { bytes: quotaPerMonth(10, { hard: true }) }
    const usage = ledger.engine(ledger.scope(quotas, 'acme', ANCHORED))
    ledger.now = Date.parse('2026-11-15T10:37:29.999Z')
    await usage.record('bytes', 8)
    ledger.now += 1
    await usage.record('bytes', 10)
    await expect(usage.record('bytes')).rejects.toMatchObject({ details: { used: 10 } })
    expect((await usage.totals({ meter: 'bytes' })).totals[0]?.quantity).toBe(10)
    expect((await usage.totals({ meter: 'bytes', at: ledger.now - 1 })).totals[0]?.quantity).toBe(8)
    expect((await usage.totals({ meter: 'bytes', from: '2026-11-15T10:00Z' })).totals[0]?.quantity).toBe(18)
  })

  it('starts from what was used without it, in the same hour too', async () => {
    ledger.now = Date.parse('2026-11-15T10:37:00Z')
    const soft = ledger.engine(ledger.scope({}, 'acme', ANCHORED))
    await soft.record('bytes', 5)
    ledger.now += 60_000
    await soft.record('bytes', 3)
    await soft.record('bytes', 2, { key: 'a' })
    const usage = ledger.engine(ledger.scope({ bytes: quotaPerMonth(6, { hard: true }) }, 'acme', ANCHORED))
    await expect(usage.record('bytes', 2)).rejects.toMatchObject({ details: { used: 5 } })
    await usage.record('bytes')
    expect((await usage.remaining('bytes'))?.used).toBe(6)
  })

  it('keeps a reservation in the period that it was taken in', async () => {
    const scope = ledger.scope({ bytes: quotaPerDay(10, { hard: true }) }, 'acme', KOLKATA)
    const usage = ledger.engine(scope)
    ledger.now = Date.parse('2026-11-15T18:29:00Z')
    const [kept, keyed, released] = [
      await usage.reserveIn(scope, 'bytes', 4),
      await usage.reserveIn(scope, 'bytes', 3, { key: 'a' }),
      await usage.reserveIn(scope, 'bytes', 2),
    ]
    ledger.now = Date.parse('2026-11-15T20:00:00Z')
    for (const call of [kept.keep(), keyed.keep(), released.release()]) await call
    await scope.settlePart()
    const day = async (at: number) => (await usage.totals({ meter: 'bytes', period: 'day', at })).totals[0]?.quantity
    expect(await day(ledger.now)).toBe(0)
    expect(await day(ledger.now - 2 * HOUR)).toBe(7)
    expect(await counterOf('2026-11-14T18:30:00.000Z/2026-11-15T18:30:00.000Z')).toBe(7)
  })
})

describe('a tenant whose calendar changes', () => {
  it('counts in the new period what was used since that began, as the ledger has it', async () => {
    const quotas = { bytes: quotaPerMonth(10, { hard: true }) }
    const before = ledger.engine(ledger.scope(quotas))
    ledger.now = Date.parse('2026-11-10T12:00Z')
    await before.record('bytes', 6)
    ledger.now = Date.parse('2026-11-20T12:00Z')
    await before.record('bytes', 3)
    const after = ledger.engine(ledger.scope(quotas, 'acme', NEW_YORK_15TH))
    await expect(after.record('bytes', 8)).rejects.toMatchObject({ details: { used: 3 } })
    await after.record('bytes', 7)
    expect((await after.totals({ meter: 'bytes' })).totals[0]?.quantity).toBe(10)
    expect((await after.totals({ meter: 'bytes', at: '2026-11-10' })).totals[0]?.quantity).toBe(6)
    // And back again: UTC's November has all of it.
    await expect(before.record('bytes')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await ledger.drain()
    expect(await counterOf('2026-11')).toBe(16)
  })

  it('counts what a process that does not know of it yet records', async () => {
    const quotas = { bytes: quotaPerMonth(10, { hard: true }) }
    const [old, knowing] = [ledger.scope(quotas), ledger.scope(quotas, 'acme', NEW_YORK_15TH)]
    ledger.now = Date.parse('2026-11-20T12:00Z')
    await ledger.engine(knowing).record('bytes', 1)
    await ledger.engine(old).record('bytes', 5)
    await ledger.engine(ledger.scope({})).record('bytes', 2)
    await ledger.drain()
    await expect(ledger.engine(knowing).record('bytes', 3)).rejects.toMatchObject({ details: { used: 8 } })
    expect((await ledger.engine(knowing).totals({ meter: 'bytes' })).totals[0]?.quantity).toBe(8)
  })

  const calendar = fc.constantFrom(UTC_CALENDAR, KOLKATA, NEW_YORK_15TH, ANCHORED)
  const step = fc.record({
    wait: fc.oneof(fc.integer({ min: 0, max: 2 * HOUR }), fc.integer({ min: 0, max: 200 * HOUR })),
    calendar,
    quota: fc.constantFrom(undefined, quotaPerDay(40, { hard: true }), quotaPerMonth(90, { hard: true })),
    quantity: fc.integer({ min: 1, max: 9 }),
    key: fc.option(fc.constantFrom('a', 'b'), { nil: undefined, freq: 4 }),
    drain: fc.boolean(),
  })

  it('loses nothing and counts nothing twice, whatever it changes to: counters and ledger agree', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const book = await new Ledger().open()
        const begin = book.now
        const counted = new Map<string, { from: number; to: number }>()
        const keys = new Set<string>()
        let used = 0
        for (const { wait, calendar: days, quota, quantity, key, drain } of steps) {
          book.now += wait
          const usage = book.engine(book.scope(quota ? { bytes: quota } : {}, 'acme', days))
          if (quota) {
            const { key: name, from, to } = days.current(book.now, quota.period)
            counted.set(name, { from, to })
          }
          // A repeated key has one quantity, so that whichever counts is the same.
          const units = key === undefined ? quantity : 5
          const done = await usage.record('bytes', units, key === undefined ? {} : { key }).then(
            () => true,
            () => false,
          )
          if (done && !(key !== undefined && keys.has(key))) used += units
          if (done && key !== undefined) keys.add(key)
          if (drain) await book.drain()
        }
        await book.drain()
        const ledgerOf = async (from: number, to: number) =>
          (await book.records.usage({ tenant: 'acme', meter: 'bytes', from, to }))[0]?.quantity ?? 0
        for (const [name, { from, to }] of counted) {
          const has = await counterOf(name, book)
          if (has !== undefined) expect([name, has]).toEqual([name, await ledgerOf(from, to)])
        }
        for (const days of [UTC_CALENDAR, KOLKATA, NEW_YORK_15TH, ANCHORED]) {
          let sum = 0
          for (let at = begin - HOUR; at <= book.now; ) {
            const { from, to } = days.periodOf(at, 'month')
            sum += await ledgerOf(from, to)
            at = to
          }
          expect(sum).toBe(used)
        }
      }),
      { numRuns: 80 },
    )
  })
})
