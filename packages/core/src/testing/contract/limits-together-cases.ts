import assert from 'node:assert/strict'
import { MAX_OPERATIONS } from '../../storage/limits.ts'
import type { LimitsBench, LimitsCases } from './limits-bench.ts'

/** Several operations, and what is asked of them. */
export const limitsTogetherCases: LimitsCases = {
  'takes nothing at all when one of several refuses, whichever it is': async (bench) => {
    const all = mixed(bench)
    for (const [i, operation] of all.entries()) {
      const refused = all.map((it) => (it === operation ? { ...it, cost: 1_000 } : it))
      const { granted, decisions } = await bench.decide(refused, { lease: 'a' })
      assert.equal(granted, 0)
      assert.deepEqual(
        decisions.map(({ allowed, remaining }) => [allowed, remaining]),
        [3, 10, 2].map((remaining, at) => [at !== i, remaining]),
      )
    }
    assert.equal((await bench.decide(all, { lease: 'a', units: 2 })).granted, 2)
    assert.deepEqual(await lefts(bench), [1, 8, 0])
  },

  'grants as many units as all have room for, when a part will do': async (bench) => {
    const terms = { mode: 'partial', units: 9, lease: 'a' } as const
    const [api, minute, jobs] = mixed(bench)
    const answer = await bench.decide([api, { ...minute, cost: 4 }, jobs], terms)
    assert.equal(answer.granted, 2)
    assert.deepEqual(
      answer.decisions.map(({ allowed, remaining, retryAfterMs }) => [allowed, remaining, retryAfterMs]),
      [
        [true, 1, 0],
        [true, 2, 0],
        [true, 0, 0],
      ],
    )
    const none = await bench.decide([api, jobs], { ...terms, lease: 'b' })
    assert.equal(none.granted, 0)
    assert.deepEqual(
      none.decisions.map(({ allowed, retryAfterMs }) => [allowed, retryAfterMs]),
      [
        [true, 0],
        [false, 1_000],
      ],
    )
    assert.equal(await bench.left(api), 1)
  },

  'peeks without taking': async (bench) => {
    const all = mixed(bench)
    for (let i = 0; i < 5; i++) assert.equal((await bench.decide(all, { mode: 'peek', units: 2 })).granted, 2)
    assert.equal((await bench.decide(all, { mode: 'peek', units: 3 })).granted, 0)
    assert.deepEqual(await lefts(bench), [3, 10, 2])
  },

  'forces what was used already, whatever room there is': async (bench) => {
    const all = mixed(bench)
    const { granted, decisions } = await bench.decide(all, { mode: 'force', units: 12, lease: 'a' })
    assert.equal(granted, 12)
    assert.deepEqual(decisions, [
      { allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 1_200 },
      { allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 120_000 },
      { allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 10_000 },
    ])
    const waits = (await bench.decide(all, { lease: 'b' })).decisions.map(({ retryAfterMs }) => retryAfterMs)
    // Of 12 in the window 9 count 15 s into the next one.
    assert.deepEqual(waits, [1_000, 75_000, 1_000])
    await bench.refund(all, { units: 12, lease: 'a' })
    assert.deepEqual(await lefts(bench), [3, 10, 2])
  },

  'decides as many operations as there may be, together': async (bench) => {
    const names = Array.from({ length: MAX_OPERATIONS }, (_, i) => `many-${String(i)}`)
    const all = names.map(
      (name, i) => [bench.rate(name), bench.window(name), bench.held(name)][i % 3] ?? bench.rate(name),
    )
    const { granted, decisions } = await bench.decide(all, { lease: 'a' })
    assert.equal(granted, 1)
    assert.deepEqual(
      decisions.map(({ remaining }) => remaining),
      all.map((_, i) => [2, 9, 1][i % 3]),
    )
    const last = all.at(-1) ?? bench.rate('none')
    assert.equal((await bench.decide([...all.slice(0, -1), { ...last, cost: 100 }], { lease: 'b' })).granted, 0)
    await bench.refund(all, { lease: 'a' })
    const after = await bench.decide(all, { mode: 'peek', lease: 'b' })
    assert.deepEqual(
      after.decisions.map(({ resetMs }) => resetMs),
      all.map(() => 0),
    )
  },

  'keeps keys apart whose names are awkward': async (bench) => {
    const names = ['a', 'a:b', 'a\u0000b', '{a}', 'a}', "a'b", 'ä', '💡', '%', 'A', ' a', '__proto__', 'constructor']
    for (const name of names) {
      assert.equal(await bench.take(bench.rate(name), { units: 3 }), 3, name)
      assert.equal(await bench.take(bench.held(`${name}!`), { units: 2, lease: name }), 2, name)
    }
    for (const name of names) assert.equal(await bench.left(bench.rate(name)), 0, name)
  },

  'decides calls that come at once one after the other': async (bench) => {
    const all = mixed(bench)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => bench.decide(all, { lease: `at once ${i}` })),
    )
    assert.equal(answers.filter(({ granted }) => granted === 1).length, 2)
    assert.deepEqual(await lefts(bench), [1, 8, 0])
  },
}

/** One of each kind, with room for 3, 10 and 2. */
function mixed(bench: LimitsBench) {
  return [bench.rate('api'), bench.window('minute'), bench.held('jobs')] as const
}

async function lefts(bench: LimitsBench): Promise<readonly unknown[]> {
  const { decisions } = await bench.decide(mixed(bench), { mode: 'peek' })
  return decisions.map(({ remaining }) => remaining)
}
