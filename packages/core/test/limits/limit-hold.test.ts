import { describe, expect, it } from 'vitest'
import { until } from '../../../../test/until.ts'
import { concurrent, perMinute } from '../../src/catalog/index.ts'
import type { LimitsStore } from '../../src/storage/index.ts'
import { memoryLimits } from '../../src/storage/memory-limits.ts'
import { LimitsBench } from './bench.ts'

const catalog = {
  exports: [concurrent(2), concurrent(1, { by: 'actor' }), perMinute(10)],
  tokens: perMinute(1_000),
}

describe('a hold', () => {
  it('takes a place until it ends, and keeps the units it used', async () => {
    const bench = new LimitsBench(catalog)
    const first = await bench.limits.hold('exports')
    expect(first.allowed).toBe(true)
    const second = await bench.limits.hold('exports')
    expect([second.allowed, second.result.refusedBy]).toEqual([false, ['exports/actor']])
    bench.enter({ actor: 'bob' })
    const third = await bench.limits.hold('exports')
    bench.enter({ actor: 'cleo' })
    expect((await bench.limits.hold('exports')).result.refusedBy).toEqual(['exports'])
    await first.commit()
    expect((await bench.limits.hold('exports')).allowed).toBe(true)
    await third.release()
    const { policies } = await bench.limits.peek('exports')
    expect(policies.map(({ remaining }) => remaining)).toEqual([1, 0, 8])
  })

  it('ends with its block', async () => {
    const bench = new LimitsBench(catalog)
    {
      await using hold = await bench.limits.hold('exports')
      expect(hold.allowed).toBe(true)
      expect((await bench.limits.hold('exports')).allowed).toBe(false)
    }
    expect((await bench.limits.hold('exports')).allowed).toBe(true)
    expect(await bench.limits.peek('exports')).toMatchObject({ policies: [{}, {}, { remaining: 8 }] })
  })

  it('ends by itself when its process does not renew it, and says so where the process still lives', async () => {
    const store = memoryLimits()
    let lost = false
    const unsteady: LimitsStore = {
      name: 'unsteady',
      decide: (request, now) => store.decide(request, now),
      refund: (request, now) => store.refund(request, now),
      renew: (request, now) => !lost && store.renew(request, now),
      close: () => store.close(),
    }
    const bench = new LimitsBench({ exports: concurrent(1, { ttlMs: 30 }) }, { store: unsteady })
    const hold = await bench.limits.hold('exports')
    // Renewed within the time after which it would end, as often as that.
    let renewals = 0
    unsteady.renew = (request, now) => {
      renewals++
      return !lost && store.renew(request, now)
    }
    await until(() => renewals >= 3)
    expect(hold.signal.aborted).toBe(false)
    lost = true
    await until(() => hold.signal.aborted)
    bench.now += 30
    expect((await bench.limits.hold('exports')).allowed).toBe(true)
  })

  it('that was refused holds nothing and gives nothing back', async () => {
    const bench = new LimitsBench(catalog)
    await bench.limits.hold('exports')
    const refused = await bench.limits.hold('exports')
    await refused.release()
    await refused.commit()
    expect((await bench.limits.hold('exports')).allowed).toBe(false)
  })
})

describe('a reservation', () => {
  it('is settled by what it took in the end: less is given back, more is taken whatever room there is', async () => {
    const bench = new LimitsBench(catalog)
    const less = await bench.limits.reserve('tokens', { cost: 400 })
    await less.commit(150)
    expect(await bench.limits.peek('tokens')).toMatchObject({ remaining: 850 })
    const more = await bench.limits.reserve('tokens', { cost: 800 })
    await more.commit(1_000)
    expect(await bench.limits.peek('tokens')).toMatchObject({ remaining: 0, allowed: false })
    // The units beyond the limit count: it takes as long as they need to come back.
    bench.now += 9_000
    expect(await bench.limits.peek('tokens')).toMatchObject({ remaining: 0 })
    bench.now += 1_000
    expect(await bench.limits.peek('tokens')).toMatchObject({ remaining: 16 })
  })

  it('is given back whole unless it was committed', async () => {
    const bench = new LimitsBench(catalog)
    {
      await using reservation = await bench.limits.reserve('tokens', { cost: 400 })
      expect(reservation.allowed).toBe(true)
    }
    expect(await bench.limits.peek('tokens')).toMatchObject({ remaining: 1_000 })
    const committed = await bench.limits.reserve('tokens', { cost: 400 })
    await committed.commit()
    await committed.release()
    expect(await bench.limits.peek('tokens')).toMatchObject({ remaining: 600 })
  })

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses an actual cost of %s', async (actual) => {
    const bench = new LimitsBench(catalog)
    const reservation = await bench.limits.reserve('tokens')
    await expect(reservation.commit(actual)).rejects.toThrow(/LIMIT_COST_INVALID/)
    await reservation.release()
  })
})
