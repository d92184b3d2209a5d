import assert from 'node:assert/strict'
import type { LimitsCases } from './limits-bench.ts'

const ENORMOUS = Number.MAX_SAFE_INTEGER

/** Concurrency. */
export const limitsLeaseCases: LimitsCases = {
  'concurrency holds units until their lease is given back': async (bench) => {
    const jobs = bench.held('jobs')
    const first = { allowed: true, remaining: 1, retryAfterMs: 0, resetMs: 10_000 }
    assert.deepEqual(await bench.decide([jobs], { lease: 'a' }), { granted: 1, decisions: [first] })
    bench.now += 4_000
    assert.equal(await bench.take(jobs, { lease: 'b' }), 1)
    const refused = { allowed: false, remaining: 0, retryAfterMs: 1_000, resetMs: 10_000 }
    assert.deepEqual(await bench.decide([jobs], { lease: 'c' }), { granted: 0, decisions: [refused] })
    await bench.refund([jobs], { lease: 'a' })
    await bench.refund([jobs], { lease: 'a' })
    await bench.refund([jobs], { lease: 'never' })
    assert.equal(await bench.left(jobs), 1)
    assert.equal(await bench.take(jobs, { lease: 'c' }), 1)
  },

  'a lease ends by its time, exactly': async (bench) => {
    const jobs = bench.held('jobs')
    await bench.take(jobs, { lease: 'a', units: 2 })
    bench.now += 9_500
    assert.equal((await bench.decide([jobs], { lease: 'b' })).decisions[0]?.retryAfterMs, 500)
    bench.now += 499
    assert.equal(await bench.take(jobs, { lease: 'b' }), 0)
    bench.now += 1
    assert.equal(await bench.renew([jobs], 'a'), false)
    assert.equal(await bench.left(jobs), 2)
    assert.equal(await bench.take(jobs, { lease: 'b', units: 2 }), 2)
  },

  'a lease is prolonged as long as it has not ended': async (bench) => {
    const jobs = bench.held('jobs')
    const seats = bench.held('seats', { ttlMs: 5_000 })
    await bench.decide([jobs, seats], { lease: 'a' })
    bench.now += 4_999
    assert.equal(await bench.renew([jobs, seats], 'a'), true)
    assert.equal(await bench.renew([jobs], 'never'), false)
    bench.now += 5_001
    // One has ended: it says so, and prolongs the other.
    assert.equal(await bench.renew([seats, jobs], 'a'), false)
    assert.deepEqual([await bench.left(jobs), await bench.left(seats)], [1, 2])
    bench.now += 9_999
    assert.equal(await bench.left(jobs), 1)
    await bench.refund([jobs], { lease: 'a' })
    assert.equal(await bench.renew([jobs], 'a'), false)
  },

  'the same lease again replaces its own': async (bench) => {
    const jobs = bench.held('jobs', { limit: 3 })
    await bench.take(jobs, { lease: 'a', units: 2 })
    bench.now += 9_000
    assert.equal(await bench.take(jobs, { lease: 'a', units: 3 }), 3)
    assert.equal(await bench.take(jobs, { lease: 'a', units: 4 }), 0)
    bench.now += 9_999
    assert.equal(await bench.left(jobs), 0)
    assert.equal(await bench.take(jobs, { lease: 'a' }), 1)
    assert.equal(await bench.left(jobs), 2)
    await bench.refund([jobs], { lease: 'a' })
    assert.equal(await bench.left(jobs), 3)
  },

  'concurrency never passes more than its limit, and says so': async (bench) => {
    const never = { allowed: false, remaining: 2, retryAfterMs: Number.POSITIVE_INFINITY, resetMs: 0 }
    for (const [cost, units] of [
      [3, 1],
      [1, 3],
      [ENORMOUS, 1],
      [1, ENORMOUS],
      [ENORMOUS, ENORMOUS],
    ] as const) {
      const answer = await bench.decide([bench.held('jobs', { cost })], { units, lease: 'a' })
      assert.deepEqual(answer, { granted: 0, decisions: [never] })
    }
    const wide = bench.held('wide', { limit: ENORMOUS })
    assert.equal(await bench.take(wide, { units: ENORMOUS - 1, lease: 'a' }), ENORMOUS - 1)
    assert.equal(await bench.left(wide), 1)
    for (const lease of ['b', 'c']) {
      await bench.take({ ...wide, cost: ENORMOUS }, { units: ENORMOUS, mode: 'force', lease })
      assert.equal(await bench.left(wide), 0)
    }
    // One unit is not lost beside the largest whole number there is.
    const jobs = bench.held('few', { limit: 3 })
    await bench.take({ ...jobs, cost: 2 }, { units: ENORMOUS, mode: 'force', lease: 'a' })
    await bench.take(jobs, { units: 1, mode: 'force', lease: 'b' })
    const [others] = (await bench.decide([jobs], { mode: 'peek', lease: 'a' })).decisions
    assert.equal(others?.remaining, 2)
  },

  'concurrency that is changed keeps what is held': async (bench) => {
    const jobs = bench.held('jobs')
    await bench.take(jobs, { lease: 'a', units: 2 })
    assert.equal(await bench.left({ ...jobs, limit: 5 }), 3)
    assert.equal(await bench.take({ ...jobs, limit: 1 }, { lease: 'b' }), 0)
    assert.equal(await bench.take({ ...jobs, limit: 3 }, { lease: 'b' }), 1)
    bench.now += 9_999
    assert.equal(await bench.renew([{ ...jobs, ttlMs: 100 }], 'b'), true)
    bench.now += 99
    assert.equal(await bench.left({ ...jobs, limit: 5 }), 4)
    bench.now += 1
    assert.equal(await bench.left({ ...jobs, limit: 5 }), 5)
  },

  'a clock that goes back ends no lease': async (bench) => {
    const jobs = bench.held('jobs')
    await bench.take(jobs, { lease: 'a', units: 2 })
    bench.now -= 3_600_000
    assert.equal(await bench.take(jobs, { lease: 'b' }), 0)
    assert.equal(await bench.left(jobs), 0)
  },
}
