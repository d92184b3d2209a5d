import assert from 'node:assert/strict'
import type { LimitsCases } from './limits-bench.ts'

const ENORMOUS = Number.MAX_SAFE_INTEGER

/** Sliding windows; every case starts at the start of one. */
export const limitsWindowCases: LimitsCases = {
  'a window counts the part of the one before that still overlaps': async (bench) => {
    const api = bench.window('api')
    bench.now += 30_000
    assert.equal(await bench.take(api, { units: 10 }), 10)
    const refused = { allowed: false, remaining: 0, retryAfterMs: 36_000, resetMs: 90_000 }
    assert.deepEqual(await bench.decide([api]), { granted: 0, decisions: [refused] })
    bench.now += 35_999
    assert.equal(await bench.take(api), 0)
    bench.now += 1
    const taken = { allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 114_000 }
    assert.deepEqual(await bench.decide([api]), { granted: 1, decisions: [taken] })
    bench.now += 24_000
    assert.equal(await bench.left(api), 4)
  },

  'a window ends and begins at its boundary exactly': async (bench) => {
    const api = bench.window('api')
    bench.now += 59_999
    await bench.take(api, { units: 10 })
    bench.now += 1
    assert.equal((await bench.decide([api])).decisions[0]?.retryAfterMs, 6_000)
    assert.equal((await bench.decide([api], { mode: 'peek' })).decisions[0]?.resetMs, 60_000)
    bench.now += 59_999
    assert.equal(await bench.left(api), 9)
    bench.now += 1
    const free = { allowed: true, remaining: 10, retryAfterMs: 0, resetMs: 0 }
    assert.deepEqual(await bench.decide([api], { mode: 'peek' }), { granted: 1, decisions: [free] })
  },

  'a window never passes a cost above its limit, and says so': async (bench) => {
    const refused = { allowed: false, remaining: 10, retryAfterMs: Number.POSITIVE_INFINITY, resetMs: 0 }
    for (const [cost, units] of [
      [11, 1],
      [1, 11],
      [ENORMOUS, 1],
      [1, ENORMOUS],
      [ENORMOUS, ENORMOUS],
    ] as const) {
      const answer = await bench.decide([bench.window('api', { cost })], { units })
      assert.deepEqual(answer, { granted: 0, decisions: [refused] })
    }
  },

  'a window gives back, of the running one first, never above its limit': async (bench) => {
    const api = bench.window('api')
    await bench.take(api, { units: 6 })
    bench.now += 60_000
    await bench.take(api, { units: 3 })
    await bench.refund([api], { units: 5 })
    assert.equal(await bench.left(api), 6)
    for (const units of [50, ENORMOUS]) await bench.refund([{ ...api, cost: units }], { units })
    assert.equal(await bench.left(api), 10)
    const unseen = bench.window('unseen')
    await bench.refund([unseen], { units: 2 })
    assert.equal(await bench.take(unseen, { units: 11 }), 0)
    assert.equal(await bench.take(unseen, { units: 10 }), 10)
  },

  'a window that is changed keeps what was used': async (bench) => {
    const minute = bench.window('api')
    await bench.take(minute, { units: 8 })
    assert.equal(await bench.left({ ...minute, limit: 20 }), 12)
    assert.equal(await bench.left({ ...minute, limit: 5 }), 0)
    assert.equal(await bench.take({ ...minute, limit: 9 }, { units: 2 }), 0)
    bench.now += 61_000
    const hour = bench.window('api', { limit: 100, windowMs: 3_600_000 })
    // 8 units that overlap for 59 of 60 s are 7.87: rounded up.
    assert.equal(await bench.left(hour), 92)
    assert.equal(await bench.take(hour), 1)
    assert.equal(await bench.left(minute), 1)
  },

  'a window counts no more than it can exactly': async (bench) => {
    const api = bench.window('api', { windowMs: 1, limit: 2 ** 52 })
    const year = bench.window('api', { windowMs: 31_536_000_000, limit: 100_000 })
    await bench.take({ ...api, cost: ENORMOUS }, { mode: 'force', units: ENORMOUS })
    assert.equal(await bench.left(api), 0)
    assert.equal(await bench.take(year, { mode: 'force' }), 1)
    assert.equal(await bench.left(year), 0)
    bench.now += 2 * 31_536_000_000
    assert.equal(await bench.left(year), 100_000)
  },

  'a clock that goes back gives a window nothing, and takes nothing': async (bench) => {
    const api = bench.window('api')
    await bench.take(api, { units: 8 })
    bench.now -= 3_600_000
    assert.equal(await bench.take(api, { units: 3 }), 0)
    assert.equal(await bench.take(api, { units: 2 }), 2)
    assert.equal(await bench.left({ ...api, windowMs: 30_000 }), 0)
    await bench.refund([api])
    bench.now += 3_600_000
    assert.equal(await bench.left(api), 1)
    bench.now += 90_000
    assert.equal(await bench.left(api), 5)
    const changed = bench.window('changed', { limit: 20 })
    await bench.take(changed, { units: 8 })
    bench.now -= 3_600_000
    await bench.take({ ...changed, windowMs: 15_000 })
    bench.now += 3_600_000
    assert.equal(await bench.left({ ...changed, windowMs: 15_000 }), 11)
  },
}
