import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryLimits } from '../../src/storage/memory-limits.ts'

const START = 1_760_000_000_000

/** GCRA in exact fractions: times in units of 1/limit ms, so that one unit is due every `windowMs` of them. */
class ExactModel {
  readonly #arrival = new Map<string, bigint>()

  readonly limit: bigint
  readonly windowMs: bigint
  readonly burst: bigint

  constructor(limit: bigint, windowMs: bigint, burst: bigint) {
    this.limit = limit
    this.windowMs = windowMs
    this.burst = burst
  }

  debt(key: string, now: number): bigint {
    const debt = (this.#arrival.get(key) ?? 0n) - BigInt(now) * this.limit
    return debt > 0n ? debt : 0n
  }

  consume(costs: readonly { key: string; cost: number }[], now: number) {
    const debts = costs.map(({ key }) => this.debt(key, now))
    const taken = new Map<string, bigint>()
    const fits = costs.map(({ key, cost }, i) => {
      const before = taken.get(key) ?? (debts[i] as bigint)
      const after = before + BigInt(cost) * this.windowMs
      taken.set(key, after)
      return after <= this.burst * this.windowMs
    })
    const allowed = fits.every(Boolean)
    const running = new Map<string, bigint>()
    return costs.map(({ key, cost }, i) => {
      let debt = running.get(key) ?? (debts[i] as bigint)
      if (allowed) {
        debt += BigInt(cost) * this.windowMs
        running.set(key, debt)
        this.#arrival.set(key, BigInt(now) * this.limit + debt)
      }
      const wait = debt + (BigInt(cost) - this.burst) * this.windowMs
      return {
        allowed: fits[i],
        remaining: Number((this.burst * this.windowMs - debt) / this.windowMs),
        retryAfterMs: fits[i] ? 0 : BigInt(cost) > this.burst ? Number.POSITIVE_INFINITY : ceil(wait, this.limit),
        resetMs: ceil(debt, this.limit),
      }
    })
  }

  refund(key: string, cost: number, now: number): void {
    if (!this.#arrival.has(key)) return
    const debt = this.debt(key, now) - BigInt(cost) * this.windowMs
    this.#arrival.set(key, BigInt(now) * this.limit + (debt > 0n ? debt : 0n))
  }
}

function ceil(part: bigint, whole: bigint): number {
  return Number((part + whole - 1n) / whole)
}

describe('memoryLimits', () => {
  it('decides as the exact model does, whatever the rate, the costs and the gaps', () => {
    const step = fc.record({
      wait: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 100_000 })),
      costs: fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), cost: fc.integer({ min: 1, max: 12 }) }), {
        minLength: 1,
        maxLength: 4,
      }),
      refund: fc.option(fc.record({ key: fc.constantFrom('a', 'b'), cost: fc.integer({ min: 1, max: 5 }) })),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.constantFrom(1_000, 60_000, 3_600_000),
        fc.integer({ min: 1, max: 30 }),
        fc.array(step, { minLength: 1, maxLength: 60 }),
        (limit, windowMs, burst, steps) => {
          const limits = memoryLimits()
          const model = new ExactModel(BigInt(limit), BigInt(windowMs), BigInt(burst))
          const intervalMs = windowMs / limit
          let now = START
          for (const { wait, costs, refund } of steps) {
            now += wait
            const decisions = limits.consume(
              costs.map(({ key, cost }) => ({ key, cost, intervalMs, burst })),
              now,
            )
            // A key that comes twice tells, when all passes, what was left after each; when not, what is left now.
            const expected = model.consume(costs, now)
            expect(decisions.map((d) => d.allowed)).toEqual(expected.map((d) => d.allowed))
            const keys = new Set(costs.map((cost) => cost.key))
            if (keys.size === costs.length) expect(decisions).toEqual(expected)
            if (refund) {
              limits.refund([{ ...refund, intervalMs, burst }], now)
              model.refund(refund.key, refund.cost, now)
            }
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('passes after exactly what it said, and not 1 ms earlier', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 50 }), (limit, burst) => {
        const intervalMs = 60_000 / limit
        const operation = { key: 'k', intervalMs, burst, cost: burst }
        const early = memoryLimits()
        const late = memoryLimits()
        early.consume([operation], START)
        late.consume([operation], START)
        const wait = early.consume([{ ...operation, cost: 1 }], START)[0]?.retryAfterMs ?? 0
        expect(wait).toBeGreaterThan(0)
        expect(early.consume([{ ...operation, cost: 1 }], START + wait - 1)[0]?.allowed).toBe(false)
        expect(late.consume([{ ...operation, cost: 1 }], START + wait)[0]?.allowed).toBe(true)
      }),
    )
  })

  it('keeps the long-run rate without drift', () => {
    const limits = memoryLimits()
    const operation = { key: 'k', intervalMs: 1_000 / 7_777, burst: 1, cost: 1 }
    let passed = 0
    for (let ms = 0; ms < 100_000; ms++) {
      while (limits.consume([operation], START + ms)[0]?.allowed) passed += 1
    }
    // With a burst of one, at most one passes in each ms, and the debt it leaves is shorter than that.
    expect(passed).toBe(100_000)
    const slow = { key: 's', intervalMs: 1_000 / 7, burst: 1, cost: 1 }
    let slowPassed = 0
    for (let ms = 0; ms < 1_000_000; ms++) if (limits.consume([slow], START + 200_000 + ms)[0]?.allowed) slowPassed += 1
    expect(slowPassed).toBeGreaterThanOrEqual(6_940)
    expect(slowPassed).toBeLessThanOrEqual(7_001)
  })

  it('never passes what costs more than the burst, and says so', () => {
    const limits = memoryLimits()
    expect(limits.consume([{ key: 'k', intervalMs: 10, burst: 5, cost: 6 }], START)).toEqual([
      { allowed: false, remaining: 5, retryAfterMs: Number.POSITIVE_INFINITY, resetMs: 0 },
    ])
    expect(limits.size).toBe(0)
  })

  it('takes nothing when one of several refuses', () => {
    const limits = memoryLimits()
    const small = { key: 'small', intervalMs: 100, burst: 1, cost: 1 }
    const large = { key: 'large', intervalMs: 100, burst: 10, cost: 1 }
    limits.consume([small], START)
    expect(limits.consume([large, small], START).map((d) => [d.allowed, d.remaining])).toEqual([
      [true, 10],
      [false, 0],
    ])
    expect(limits.consume([{ ...large, cost: 10 }], START)[0]?.allowed).toBe(true)
  })

  it('gives nothing and takes nothing when the clock goes back', () => {
    const limits = memoryLimits()
    const operation = { key: 'k', intervalMs: 1_000, burst: 10, cost: 4 }
    limits.consume([operation], START)
    expect(limits.consume([{ ...operation, cost: 1 }], START - 3_600_000)[0]).toEqual({
      allowed: true,
      remaining: 5,
      retryAfterMs: 0,
      resetMs: 5_000,
    })
    limits.refund([{ ...operation, cost: 100 }], START - 3_600_000)
    expect(limits.consume([{ ...operation, cost: 1 }], START)[0]?.remaining).toBe(9)
  })

  it('forgets keys that are full again, and holds no more than it may', () => {
    const limits = memoryLimits({ maxKeys: 1_000 })
    for (let i = 0; i < 5_000; i++) limits.consume([{ key: `k${i}`, intervalMs: 1, burst: 10, cost: 1 }], START)
    expect(limits.size).toBe(1_000)
    const keeper = { key: 'keeper', intervalMs: 60_000, burst: 10, cost: 10 }
    limits.consume([keeper], START)
    for (let i = 0; i < 5_000; i++) limits.consume([{ key: `n${i}`, intervalMs: 1, burst: 10, cost: 1 }], START)
    expect(limits.size).toBe(1_000)
    expect(limits.consume([{ ...keeper, cost: 1 }], START)[0]?.allowed).toBe(false)
    for (let i = 0; i < 1_200; i++) {
      limits.consume([{ key: `later${i}`, intervalMs: 0.001, burst: 10, cost: 1 }], START + 1_000 + i)
    }
    expect(limits.size).toBeLessThan(20)
  })
})
