import { afterEach, describe, expect, it, vi } from 'vitest'
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

describe('a hold whose store fails', () => {
  const TTL = 60
  const limits = { exports: concurrent(1, { ttlMs: TTL }), api: perMinute(5) }

  afterEach(() => vi.useRealTimers())

  /** A store that can be made to fail. */
  function failing(): { isDown: boolean; store: LimitsStore } {
    const inner = memoryLimits()
    const answer = async <T>(answered: () => T): Promise<T> => {
      if (it.isDown) throw new Error('down')
      return answered()
    }
    const it = {
      isDown: false,
      store: {
        name: 'failing',
        decide: (request, now) => answer(() => inner.decide(request, now)),
        refund: (request, now) => answer(() => inner.refund(request, now)),
        renew: (request, now) => answer(() => inner.renew(request, now)),
        close: () => inner.close(),
      } satisfies LimitsStore,
    }
    return it
  }

  it('is renewed where it was taken, also while others are decided without the store', async () => {
    vi.useFakeTimers()
    const faulty = failing()
    const bench = new LimitsBench(limits, { store: faulty.store })
    const hold = await bench.limits.hold('exports')
    faulty.isDown = true
    expect(await bench.limits.consume('api')).toMatchObject({ outcome: 'degraded' })
    faulty.isDown = false
    for (let i = 0; i < 6; i++) {
      bench.now += TTL / 3
      await vi.advanceTimersByTimeAsync(TTL / 3)
    }
    expect(hold.signal.aborted).toBe(false)
    expect(await faulty.store.renew({ ...request('exports'), lease: 'lease-0' }, bench.now)).toBe(true)
  })

  it('is lost once its time has passed without an answer', async () => {
    vi.useFakeTimers()
    const faulty = failing()
    const bench = new LimitsBench(limits, { store: faulty.store })
    const hold = await bench.limits.hold('exports')
    faulty.isDown = true
    await vi.advanceTimersByTimeAsync(TTL - TTL / 3)
    expect(hold.signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(TTL / 3)
    expect(hold.signal.aborted).toBe(true)
  })

  it('and was taken without it is not lost once it answers, and gives it nothing that it never had', async () => {
    vi.useFakeTimers()
    const faulty = failing()
    const bench = new LimitsBench({ jobs: [concurrent(2), perMinute(10)] }, { store: faulty.store })
    await bench.limits.hold('jobs', { cost: 1 })
    faulty.isDown = true
    const hold = await bench.limits.reserve('jobs', { cost: 1 })
    expect(hold.result).toMatchObject({ allowed: true, degraded: 'local' })
    faulty.isDown = false
    bench.now += 1_000
    await bench.limits.peek('jobs')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(hold.signal.aborted).toBe(false)
    await hold.release()
    expect(await bench.limits.peek('jobs')).toMatchObject({ policies: [{ remaining: 1 }, { remaining: 9 }] })
  })

  function request(name: string): Parameters<LimitsStore['decide']>[0] {
    const bench = new LimitsBench(limits)
    const operations = bench.scope.snapshot.limits.get(name)?.policies.map(({ operation }) => operation) ?? []
    return { group: 'acme', operations, units: 1, mode: 'take' }
  }
})

describe('a hold that is only observed', () => {
  afterEach(() => vi.useRealTimers())

  it('is not lost, for it holds nothing', async () => {
    vi.useFakeTimers()
    const bench = new LimitsBench({ exports: concurrent(1, { ttlMs: 30 }) }, { mode: 'observe' })
    await bench.limits.hold('exports')
    const observed = await bench.limits.hold('exports')
    expect(observed).toMatchObject({ allowed: true, result: { observed: true } })
    await vi.advanceTimersByTimeAsync(100)
    expect(observed.signal.aborted).toBe(false)
  })
})

describe('a hold of the platform', () => {
  afterEach(() => vi.useRealTimers())

  it('is one for all tenants and processes, renewed and freed as any other', async () => {
    vi.useFakeTimers()
    const store = memoryLimits()
    const limits = { exports: [concurrent(1, { by: 'platform', ttlMs: 30 }), concurrent(5)] }
    const first = new LimitsBench(limits, { store, newId: () => 'of the first' })
    const second = new LimitsBench(limits, { store, newId: () => 'of the second' })
    second.enter({ tenant: 'globex' })
    const hold = await first.limits.hold('exports')
    expect(hold.allowed).toBe(true)
    expect((await second.limits.hold('exports')).result.refusedBy).toEqual(['exports/platform'])
    for (let i = 0; i < 6; i++) {
      first.now += 10
      second.now += 10
      await vi.advanceTimersByTimeAsync(10)
    }
    expect(hold.signal.aborted).toBe(false)
    expect((await second.limits.hold('exports')).allowed).toBe(false)
    await hold.release()
    expect((await second.limits.hold('exports')).allowed).toBe(true)
  })

  it('is given back when the tenant’s own policies refuse', async () => {
    const bench = new LimitsBench({ exports: [concurrent(2, { by: 'platform' }), concurrent(1)] })
    await bench.limits.hold('exports')
    expect((await bench.limits.hold('exports')).result.refusedBy).toEqual(['exports'])
    bench.enter({ tenant: 'globex' })
    expect((await bench.limits.hold('exports')).allowed).toBe(true)
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
