import assert from 'node:assert/strict'
import type { LimitsStore } from '../../storage/limits.ts'
import type { Bench, Cases } from './bench.ts'

const OPERATION = { key: 'acme\u0000api', intervalMs: 100, burst: 3, cost: 1 }

/** The limits port, where the storage has one. */
export const limitsCases: Cases = {
  'passes the burst, then one unit each interval': async (bench) => {
    await withLimits(bench, async (limits) => {
      const remaining: number[] = []
      for (let i = 0; i < 3; i++) remaining.push((await limits.consume([OPERATION], bench.now))[0]?.remaining ?? -1)
      assert.deepEqual(remaining, [2, 1, 0])
      assert.deepEqual(await limits.consume([OPERATION], bench.now), [
        { allowed: false, remaining: 0, retryAfterMs: 100, resetMs: 300 },
      ])
      bench.now += 99
      assert.equal((await limits.consume([OPERATION], bench.now))[0]?.allowed, false)
      bench.now += 1
      assert.deepEqual(await limits.consume([OPERATION], bench.now), [
        { allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 300 },
      ])
    })
  },

  'takes nothing at all when one of several refuses': async (bench) => {
    await withLimits(bench, async (limits) => {
      const other = { ...OPERATION, key: 'globex\u0000api' }
      await limits.consume([{ ...OPERATION, cost: 3 }], bench.now)
      const decisions = await limits.consume([other, OPERATION], bench.now)
      assert.equal(decisions.at(-1)?.allowed, false)
      assert.equal((await limits.consume([{ ...other, cost: 3 }], bench.now))[0]?.allowed, true)
    })
  },

  'never passes a cost above the burst': async (bench) => {
    await withLimits(bench, async (limits) => {
      const [decision] = await limits.consume([{ ...OPERATION, cost: 4 }], bench.now)
      assert.equal(decision?.allowed, false)
      assert.equal(decision?.retryAfterMs, Number.POSITIVE_INFINITY)
      assert.equal(decision?.remaining, 3)
    })
  },

  'gives back, but never above the burst': async (bench) => {
    await withLimits(bench, async (limits) => {
      await limits.consume([{ ...OPERATION, cost: 3 }], bench.now)
      await limits.refund([{ ...OPERATION, cost: 2 }], bench.now)
      assert.equal((await limits.consume([OPERATION], bench.now))[0]?.remaining, 1)
      await limits.refund([{ ...OPERATION, cost: 50 }], bench.now)
      assert.equal((await limits.consume([OPERATION], bench.now))[0]?.remaining, 2)
    })
  },
}

async function withLimits(bench: Bench, run: (limits: LimitsStore) => Promise<void>): Promise<void> {
  const { limits } = bench.storage
  if (!limits) return
  try {
    await run(limits)
  } finally {
    await limits.close()
  }
}
