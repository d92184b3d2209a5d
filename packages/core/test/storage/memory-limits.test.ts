import { describe, expect, it } from 'vitest'
import { limitsProperty } from '../../../../test/limits-model/limits-commands.ts'
import type { LimitOperation, RateOperation, WindowOperation } from '../../src/storage/limits.ts'
import type { MemoryLimits } from '../../src/storage/memory-limits.ts'
import { memoryLimits } from '../../src/storage/memory-limits.ts'
import { limitsContract } from '../../src/testing/limits-contract.ts'

const START = 1_760_000_000_000

const rate = (key: string, numbers: Partial<RateOperation> = {}): RateOperation => ({
  kind: 'rate',
  key,
  perMs: 1,
  weight: 100,
  capacity: 1_000,
  cost: 1,
  ...numbers,
})
const window = (key: string, numbers: Partial<WindowOperation> = {}): WindowOperation => ({
  kind: 'window',
  key,
  limit: 10,
  windowMs: 1_000,
  cost: 1,
  ...numbers,
})
const jobs = (key: string): LimitOperation => ({ kind: 'concurrency', key, limit: 1, cost: 1, ttlMs: 1_000 })

const take = (limits: MemoryLimits, operation: LimitOperation, now: number, units = 1): boolean =>
  limits.decide({ group: 'acme', operations: [operation], units, mode: 'take', lease: 'a' }, now).granted > 0

const create = async () => {
  const limits = memoryLimits()
  return { limits, destroy: () => limits.close() }
}

describe('memoryLimits', () => {
  for (const { name, run } of limitsContract({ name: 'memory', create })) it(name, run)

  it('decides as the model does, whatever is asked, in whichever order', async () => {
    await limitsProperty(create, { runs: 600, clockGoesBack: true })
  })

  it('holds the contract in one store for all cases, too', async () => {
    const limits = memoryLimits()
    for (const { run } of limitsContract({
      name: 'one',
      create: async () => ({ limits, destroy: async () => undefined }),
    })) {
      await run()
    }
  })

  it('takes of the right key where a new one of the same call sweeps old ones away', () => {
    const limits = memoryLimits()
    // Rows that are over soon, and behind them one that lasts, which moves into the place of a swept one.
    for (const key of ['a', 'b', 'c']) take(limits, rate(key, { perMs: 100 }), START)
    const lasting = rate('lasting', { weight: 1, capacity: 1_000_000 })
    take(limits, lasting, START, 500_000)
    const operations = [rate('new'), lasting]
    limits.decide({ group: 'acme', operations, units: 10, mode: 'take' }, START + 60_000)
    const looked = { group: 'acme', operations: [lasting], units: 1, mode: 'peek' } as const
    const [{ remaining } = { remaining: -1 }] = limits.decide(looked, START + 60_000).decisions
    expect(remaining).toBe(1_000_000 - (500_000 - 60_000) - 10)
  })

  it('counts for the key of an operation that is kept, wherever its row has gone meanwhile, also in another store', () => {
    const limits = memoryLimits()
    const [ours, theirs] = [rate('ours', { capacity: 200, place: -1 }), window('theirs', { limit: 2, place: -1 })]
    for (const operation of [ours, theirs]) expect(take(limits, operation, START)).toBe(true)
    for (let i = 1; i < 4_000; i++) {
      for (const make of [rate, window]) take(limits, make(`brief-${i}`), START + i)
      if (i % 500 === 0) take(limits, i % 1_000 === 0 ? ours : theirs, START + i)
    }
    const left = (at: number) =>
      [ours, theirs].map(
        (operation) =>
          limits.decide({ group: 'acme', operations: [operation], units: 1, mode: 'peek' }, at).decisions[0]?.remaining,
      )
    const plain = [rate('ours', { capacity: 200 }), window('theirs', { limit: 2 })].map(
      (operation) =>
        limits.decide({ group: 'acme', operations: [operation], units: 1, mode: 'peek' }, START + 4_000).decisions[0]
          ?.remaining,
    )
    expect(left(START + 4_000)).toEqual(plain)
    const other = memoryLimits()
    for (let i = 0; i < 300; i++) take(other, rate(`brief-${i}`), START)
    expect([take(other, ours, START), take(other, ours, START), take(other, ours, START)]).toEqual([true, true, false])
  })

  it('notes nothing on an operation that has no place for it', () => {
    const limits = memoryLimits()
    const frozen = Object.freeze(rate('a'))
    expect([take(limits, frozen, START), take(limits, frozen, START)]).toEqual([true, true])
    expect(frozen).not.toHaveProperty('place')
  })

  it('keeps the long-run rate without drift', () => {
    const limits = memoryLimits()
    // 7,777 a second: 7.777 of weight 1,000 a ms.
    const fast = rate('fast', { perMs: 7_777, weight: 1_000, capacity: 10_000 })
    const slow = rate('slow', { perMs: 7, weight: 1_000, capacity: 1_000 })
    let fastPassed = 0
    let slowPassed = 0
    for (let ms = 0; ms < 100_000; ms++) {
      while (take(limits, fast, START + ms)) fastPassed += 1
      if (take(limits, slow, START + ms)) slowPassed += 1
    }
    expect(fastPassed).toBe(Math.floor((10_000 + 99_999 * 7_777) / 1_000))
    expect(slowPassed).toBe(Math.floor((1_000 + 99_999 * 7) / 1_000))
  })

  it.each([
    ['rates', (key: string) => rate(key)],
    ['windows', (key: string) => window(key)],
    ['leases', jobs],
  ])('holds no more %s than it may, and forgets those that are free again, without a timer', (_, operation) => {
    const limits = memoryLimits({ maxKeys: 1_000 })
    for (let i = 0; i < 5_000; i++) take(limits, operation(`key ${i}`), START)
    expect(limits.size).toBe(1_000)
    for (let i = 0; i < 1_200; i++) take(limits, operation(`later ${i}`), START + 10_000 + i * 3_000)
    expect(limits.size).toBeLessThan(20)
  })

  it.each([
    [{ maxKeys: Number.NaN }, '"maxKeys" must be a whole number above 0.'],
    [{ maxKeys: 0 }, '"maxKeys" must be a whole number above 0.'],
    [{ maxKeys: '100' }, '"maxKeys" must be a whole number above 0.'],
    [{ maxkeys: 100 }, '"maxkeys" is no option. Did you mean "maxKeys"?'],
    [100, 'It takes { maxKeys }, or nothing.'],
  ])('refuses %j: it would be bounded by nothing, or hold nothing', (options, words) => {
    expect(() => memoryLimits(options as never)).toThrow(`memoryLimits: ${words}`)
  })

  it('keeps of too many keys those whose loss would give most away', () => {
    const limits = memoryLimits({ maxKeys: 1_000 })
    const hour = rate('hour', { perMs: 1, weight: 360_000, capacity: 3_600_000 })
    const day = window('day', { limit: 10, windowMs: 86_400_000 })
    for (const operation of [hour, day]) expect(take(limits, operation, START, 10)).toBe(true)
    for (let i = 0; i < 300_000; i++) {
      take(limits, i % 2 === 0 ? rate(`rate ${i}`) : window(`window ${i}`), START + i)
      if (i % 100 > 0) continue
      expect([take(limits, hour, START + i), take(limits, day, START + i)]).toEqual([false, false])
    }
    expect(limits.size).toBeLessThanOrEqual(2_000)
  })

  it('refuses a lease rather than forgetting one that is held, and has room once one ends', () => {
    const limits = memoryLimits({ maxKeys: 100 })
    for (let i = 0; i < 100; i++) expect(take(limits, jobs(`job ${i}`), START + i)).toBe(true)
    for (let i = 0; i < 1_000; i++) expect(take(limits, jobs(`more ${i}`), START + 900)).toBe(false)
    for (let i = 0; i < 100; i++)
      expect(take(limits, { ...jobs(`job ${i}`), limit: 2 } as LimitOperation, START)).toBe(true)
    limits.refund({ group: 'acme', operations: [jobs('job 7')], units: 1, mode: 'take', lease: 'a' }, START + 900)
    expect(take(limits, jobs('another'), START + 900)).toBe(true)
  })

  it('is no slower when it is full of leases', () => {
    const limits = memoryLimits({ maxKeys: 20_000 })
    for (let i = 0; i < 20_000; i++) take(limits, jobs(`job ${i}`), START)
    const started = process.hrtime.bigint()
    let taken = 0
    for (let i = 0; i < 5_000; i++) if (take(limits, jobs(`more ${i}`), START)) taken += 1
    expect(taken).toBe(0)
    // Looking at all of them each time took seconds.
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(1_000)
  })
})
