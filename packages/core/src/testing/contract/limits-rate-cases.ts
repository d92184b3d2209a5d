import assert from 'node:assert/strict'
import type { LimitsCases } from './limits-bench.ts'

const ENORMOUS = Number.MAX_SAFE_INTEGER

/** Rates. */
export const limitsRateCases: LimitsCases = {
  'a rate passes the burst, then one unit each interval': async (bench) => {
    const api = bench.rate('api')
    const remaining: unknown[] = []
    for (let i = 0; i < 3; i++) remaining.push((await bench.decide([api])).decisions[0]?.remaining)
    assert.deepEqual(remaining, [2, 1, 0])
    const refused = { granted: 0, decisions: [{ allowed: false, remaining: 0, retryAfterMs: 100, resetMs: 300 }] }
    assert.deepEqual(await bench.decide([api]), refused)
    bench.now += 99
    assert.equal(await bench.take(api), 0)
    bench.now += 1
    const taken = { granted: 1, decisions: [{ allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 300 }] }
    assert.deepEqual(await bench.decide([api]), taken)
  },

  'a rate never passes a cost above its capacity, and says so': async (bench) => {
    const refused = { allowed: false, remaining: 3, retryAfterMs: Number.POSITIVE_INFINITY, resetMs: 0 }
    for (const [cost, units] of [
      [4, 1],
      [1, 4],
      [ENORMOUS, 1],
      [1, ENORMOUS],
      [ENORMOUS, ENORMOUS],
    ] as const) {
      const answer = await bench.decide([bench.rate('api', { cost })], { units })
      assert.deepEqual(answer, { granted: 0, decisions: [refused] })
    }
    assert.equal(await bench.take(bench.rate('api', { cost: 3 })), 1)
  },

  'a rate counts exactly as long as a debt can be, and no further': async (bench) => {
    const full = bench.rate('full', { weight: 1, capacity: 2 ** 52, perMs: 2 ** 40, cost: 2 ** 52 - 1 })
    assert.equal(await bench.take(full), 1)
    assert.equal(await bench.left(full), 1)
    bench.now += 1
    assert.equal(await bench.left(full), 2 ** 40 + 1)
    await bench.take({ ...full, cost: ENORMOUS }, { mode: 'force', units: ENORMOUS })
    assert.equal(await bench.left(full), 0)
    bench.now += 4_095
    assert.equal(await bench.left(full), 2 ** 52 - 2 ** 40)
    bench.now += 40 * 86_400_000
    assert.equal(await bench.left(full), 2 ** 52)
  },

  'a rate gives back, but never above its capacity, nor of a key never seen': async (bench) => {
    const api = bench.rate('api')
    await bench.take(api, { units: 3 })
    await bench.refund([api], { units: 2 })
    assert.equal(await bench.left(api), 2)
    for (const units of [50, ENORMOUS]) await bench.refund([{ ...api, cost: units }], { units })
    assert.equal(await bench.left(api), 3)
    const unseen = bench.rate('unseen')
    await bench.refund([unseen], { units: 2 })
    assert.equal(await bench.left(unseen), 3)
    assert.equal(await bench.take(unseen, { units: 3 }), 3)
  },

  'a rate that is changed keeps what was used': async (bench) => {
    const minute = bench.rate('api', { perMs: 1, weight: 600, capacity: 60_000 })
    const hour = bench.rate('api', { perMs: 1, weight: 360_000, capacity: 3_600_000 })
    assert.equal(await bench.take(minute, { units: 8 }), 8)
    assert.equal(await bench.left(hour), 2)
    assert.equal(await bench.take(hour, { units: 3 }), 0)
    assert.equal(await bench.take(hour), 1)
    assert.equal(await bench.left(minute), 91)
    assert.equal(await bench.left(bench.rate('api', { weight: 720_000, capacity: 7_200_000 })), 1)
    const half = bench.rate('half', { weight: 2, capacity: 20 })
    await bench.take({ ...half, weight: 3, capacity: 30, cost: 5 })
    bench.now += 1
    // 14 of weight 3 are 9⅓ of weight 2: rounded up.
    assert.equal((await bench.decide([half], { mode: 'peek' })).decisions[0]?.resetMs, 9)
  },

  'a rate that is changed falls at the faster of both rates': async (bench) => {
    const slow = bench.rate('slow', { perMs: 1, weight: 360_000, capacity: 3_600_000 })
    const fast = bench.rate('slow', { perMs: 1_000, weight: 360_000, capacity: 3_600_000 })
    await bench.take(slow, { units: 10 })
    bench.now += 360
    assert.equal(await bench.left(fast), 1)
    const busy = bench.rate('busy', { perMs: 1, weight: 1, capacity: 1_000 })
    await bench.take(busy, { units: 1_000 })
    bench.now += 1_000
    // What was free again does not come back.
    assert.equal(await bench.left(bench.rate('busy', { perMs: 1, weight: 360_000, capacity: 3_600_000 })), 10)
    const same = bench.rate('same', { perMs: 100 })
    await bench.take(same, { units: 3 })
    bench.now += 2
    assert.equal(await bench.left({ ...same, perMs: 1 }), 2)
  },

  'a clock that goes back gives a rate nothing, and takes nothing': async (bench) => {
    const api = bench.rate('api')
    await bench.take(api, { units: 2 })
    bench.now -= 3_600_000
    assert.equal(await bench.take(api), 1)
    assert.equal(await bench.take(api), 0)
    await bench.refund([api])
    assert.equal(await bench.left(api), 1)
    bench.now += 3_600_000
    assert.equal(await bench.left(api), 1)
    bench.now += 200
    assert.equal(await bench.left(api), 3)
  },
}
