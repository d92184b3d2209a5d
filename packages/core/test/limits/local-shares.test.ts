import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { until } from '../../../../test/until.ts'
import { concurrent, perMinute, perSecond } from '../../src/catalog/index.ts'
import type { LimitRequest, LimitsStore } from '../../src/storage/index.ts'
import { memoryLimits } from '../../src/storage/memory-limits.ts'
import { LimitsBench } from './bench.ts'

/** A store shared by processes, that counts how often it is asked. */
class Shared implements LimitsStore {
  readonly name = 'shared'
  readonly #inner = memoryLimits()
  readonly asked: LimitRequest[] = []

  async decide(...args: Parameters<LimitsStore['decide']>): Promise<Awaited<ReturnType<LimitsStore['decide']>>> {
    this.asked.push(args[0])
    return this.#inner.decide(...args)
  }

  async refund(...args: Parameters<LimitsStore['refund']>): Promise<void> {
    this.#inner.refund(...args)
  }

  async renew(...args: Parameters<LimitsStore['renew']>): Promise<boolean> {
    return this.#inner.renew(...args)
  }

  async close(): Promise<void> {}
}

describe('a share of a limit', () => {
  it('spares most round trips, and takes from the store no more than there is', async () => {
    const store = new Shared()
    const bench = new LimitsBench({ api: perMinute(100, { lease: { ms: 1_000, units: 10 } }) }, { store })
    let allowed = 0
    for (let i = 0; i < 120; i++) if ((await bench.limits.consume('api')).allowed) allowed++
    expect(allowed).toBe(100)
    expect(store.asked.length).toBeLessThan(15)
    await bench.limits.close()
  })

  it('decides at once while it suffices: on all policies, or on none', async () => {
    const store = new Shared()
    const lease = { ms: 1_000, units: 10 }
    const limits = { api: [perMinute(100, { lease }), perMinute(12, { by: 'actor', cost: 2, lease })] }
    const bench = new LimitsBench(limits, { store })
    await bench.limits.consume('api')
    const asked = store.asked.length
    for (let i = 0; i < 4; i++) {
      expect(bench.limits.consume('api')).toMatchObject({
        allowed: true,
        policies: [{ remaining: 98 - i }, { remaining: 8 - 2 * i }],
      })
    }
    expect(store.asked).toHaveLength(asked)
    // The actor's is spent, the tenant's is not: nothing of the tenant's is lost.
    expect(await bench.limits.consume('api')).toMatchObject({ allowed: true })
    expect(await bench.limits.consume('api')).toMatchObject({ allowed: false, refusedBy: ['api/actor'] })
    await bench.limits.close()
    expect((await bench.limits.peek('api')).remaining).toBeLessThanOrEqual(94)
    await bench.limits.close()
  })

  it('is taken once for all that wait for it', async () => {
    const store = new Shared()
    const bench = new LimitsBench({ api: perMinute(100, { lease: { ms: 1_000, units: 50 } }) }, { store })
    const results = await Promise.all(Array.from({ length: 40 }, () => bench.limits.consume('api')))
    expect(results.every(({ allowed }) => allowed)).toBe(true)
    expect(store.asked).toHaveLength(1)
    await bench.limits.close()
  })

  it('is taken of all policies in one turn: while one is waited for, the others are asked too', async () => {
    const store = new Shared()
    const lease = { ms: 1_000, units: 10 }
    const limits = { api: [perMinute(100, { lease }), perMinute(100, { by: 'actor', lease })] }
    const bench = new LimitsBench(limits, { store })
    const deciding = [bench.limits.consume('api'), bench.limits.consume('api')]
    expect(store.asked).toHaveLength(2)
    const [first, second] = await Promise.all(deciding)
    expect(first).toMatchObject({ allowed: true, policies: [{ remaining: 99 }, { remaining: 99 }] })
    expect(second).toMatchObject({ allowed: true, policies: [{ remaining: 98 }, { remaining: 98 }] })
    expect(store.asked).toHaveLength(2)
    await bench.limits.close()
  })

  it('is not taken in advance of what the platform lets run at once', async () => {
    const store = new Shared()
    const limits = { api: [perMinute(100, { lease: { ms: 1_000, units: 10 } }), concurrent(2, { by: 'platform' })] }
    const bench = new LimitsBench(limits, { store })
    await using hold = await bench.limits.hold('api')
    expect(hold.allowed).toBe(true)
    expect(store.asked.map(({ mode }) => mode)).toEqual(['partial', 'take'])
    await bench.limits.close()
  })

  it('is not asked for while another one is waited for, when the store is known to have none', async () => {
    const store = new Shared()
    const lease = (units: number) => ({ ms: 1_000, units })
    const limits = { api: [perMinute(100, { lease: lease(1) }), perMinute(2, { by: 'actor', lease: lease(10) })] }
    const bench = new LimitsBench(limits, { store })
    for (const allowed of [true, true, false]) expect(await bench.limits.consume('api')).toMatchObject({ allowed })
    const { length } = store.asked
    expect(await bench.limits.consume('api', { cost: 2 })).toMatchObject({ allowed: false, refusedBy: ['api/actor'] })
    expect(store.asked).toHaveLength(length + 1)
    await bench.limits.close()
  })

  it('is not asked for in vain when a call costs more than a policy ever allows', async () => {
    const store = new Shared()
    const lease = { ms: 1_000, units: 5 }
    const limits = { api: [perMinute(100, { lease }), perMinute(2, { by: 'actor', lease })] }
    const bench = new LimitsBench(limits, { store })
    expect(await bench.limits.consume('api', { cost: 3 })).toMatchObject({ retryAfter: Number.POSITIVE_INFINITY })
    expect(store.asked).toHaveLength(1)
    await bench.limits.close()
  })

  const down: LimitsStore = {
    name: 'down',
    decide: () => Promise.reject(new Error('down')),
    refund: () => Promise.reject(new Error('down')),
    renew: () => Promise.reject(new Error('down')),
    close: async () => undefined,
  }
  const whole = { ms: 1_000, units: 10 }
  it.each([
    ['alone', perMinute(10, { lease: whole })],
    ['before another one', [perMinute(10, { lease: whole }), perMinute(100, { by: 'actor', lease: whole })]],
    ['after another one', [perMinute(100, { lease: whole }), perMinute(10, { by: 'actor', lease: whole })]],
  ])('takes no more than is asked from what stands in for a store that fails: %s', async (_where, api) => {
    const bench = new LimitsBench({ api }, { store: down })
    expect(await bench.limits.consume('api', { cost: 2 })).toMatchObject({ allowed: true, degraded: 'local' })
    for (let i = 0; i < 8; i++) expect(await bench.limits.consume('api')).toMatchObject({ allowed: true })
    expect(await bench.limits.consume('api')).toMatchObject({ allowed: false })
    await bench.limits.close()
  })

  it('is not taken in advance from what stands in for a store that does not answer', async () => {
    const lease = { ms: 1_000, units: 5 }
    const limits = { api: [perMinute(100, { lease }), perMinute(10, { by: 'actor', lease })] }
    const bench = new LimitsBench(limits, { store: down })
    for (let i = 0; i < 5; i++) {
      expect(await bench.limits.consume('api')).toMatchObject({ allowed: true, degraded: 'local' })
      // The store is asked again.
      bench.now += 1_000
    }
    await bench.limits.close()
  })

  it('goes back when its time is over, and when the process ends', async () => {
    const store = new Shared()
    const limits = { api: perMinute(100, { lease: { ms: 20, units: 60 } }) }
    const bench = new LimitsBench(limits, { store })
    const other = new LimitsBench(limits, { store })
    expect(await bench.limits.consume('api')).toMatchObject({ allowed: true })
    bench.now += 20
    other.now = bench.now
    await until(async () => (await other.limits.peek('api')).remaining >= 99)
    await bench.limits.consume('api')
    await bench.limits.close()
    expect((await other.limits.peek('api')).remaining).toBeGreaterThanOrEqual(98)
    await other.limits.close()
  })

  it('is refused at once, without a round trip, while the store has none', async () => {
    const store = new Shared()
    const bench = new LimitsBench({ api: perMinute(2, { lease: { ms: 1_000, units: 10 } }) }, { store })
    await bench.limits.consume('api', { cost: 2 })
    expect(await bench.limits.consume('api')).toMatchObject({ allowed: false, retryAfter: 30 })
    const { length } = store.asked
    for (let i = 0; i < 20; i++) expect(await bench.limits.consume('api')).toMatchObject({ allowed: false })
    expect(store.asked).toHaveLength(length)
    expect(await bench.limits.consume('api', { cost: 3 })).toMatchObject({ retryAfter: Number.POSITIVE_INFINITY })
    await bench.limits.close()
  })

  it('gives a refused call’s units back to itself', async () => {
    const bench = new LimitsBench({
      api: [perMinute(100, { lease: { ms: 1_000, units: 5 } }), perMinute(2, { by: 'actor' })],
    })
    for (let i = 0; i < 50; i++) bench.limits.consume('api')
    bench.enter({ actor: 'bob' })
    // Ada has taken 2, and as little as a share besides.
    expect(await bench.limits.consume('api')).toMatchObject({ allowed: true })
    const { policies } = await bench.limits.peek('api')
    expect(policies.find(({ name }) => name === 'api')?.remaining).toBeGreaterThanOrEqual(95)
    await bench.limits.close()
  })
})

describe('what is given back', () => {
  it('is a share at the most: the rest goes to the store, which gives nothing above what was used', async () => {
    const bench = new LimitsBench({ api: perMinute(100, { lease: { ms: 1_000, units: 10 } }) })
    await bench.limits.consume('api')
    await bench.limits.refund('api', { cost: 1_000_000 })
    let allowed = 0
    for (let i = 0; i < 1_000; i++) if ((await bench.limits.consume('api')).allowed) allowed++
    expect(allowed).toBeLessThanOrEqual(110)
    await bench.limits.close()
  })

  it('is not lost where no share is held any more', async () => {
    const store = new Shared()
    const bench = new LimitsBench({ api: perMinute(100, { lease: { ms: 1_000, units: 10 } }) }, { store })
    const reservation = await bench.limits.reserve('api', { cost: 60 })
    bench.now += 1_000
    await reservation.release()
    await bench.limits.close()
    expect(await bench.limits.peek('api')).toMatchObject({ remaining: 100 })
  })

  it('goes to where it was taken while the store does not answer', async () => {
    const down: LimitsStore = {
      name: 'down',
      decide: () => Promise.reject(new Error('down')),
      refund: () => Promise.reject(new Error('down')),
      renew: () => Promise.reject(new Error('down')),
      close: async () => undefined,
    }
    const bench = new LimitsBench({ api: [perMinute(10, { by: 'platform' }), perMinute(1)] }, { store: down })
    for (let i = 0; i < 9; i++) await bench.limits.consume('api')
    bench.enter({ tenant: 'globex' })
    expect(await bench.limits.consume('api')).toMatchObject({
      allowed: true,
      policies: [{ name: 'api/platform', remaining: 8 }, { name: 'api' }],
    })
    await bench.limits.close()
  })

  it('and was not taken from the store is not given to it', async () => {
    const inner = new Shared()
    let isDown = true
    const store: LimitsStore = {
      name: 'failing',
      decide: (request, now) => (isDown ? Promise.reject(new Error('down')) : inner.decide(request, now)),
      refund: (request, now) => inner.refund(request, now),
      renew: (request, now) => inner.renew(request, now),
      close: () => inner.close(),
    }
    const limits = { api: perMinute(10, { lease: { ms: 1_000, units: 5 } }) }
    await new LimitsBench(limits, { store: inner }).limits.tryConsume('api', { cost: 10, partial: true })
    const bench = new LimitsBench(limits, { store })
    const reservation = await bench.limits.reserve('api', { cost: 5 })
    expect(reservation.result).toMatchObject({ allowed: true, degraded: 'local' })
    isDown = false
    bench.now += 1_000
    await bench.limits.peek('api')
    await reservation.release()
    expect(await bench.limits.peek('api')).toMatchObject({ remaining: 0 })
    await bench.limits.close()
  })
})

describe('a policy of the platform', () => {
  it('counts all tenants of all processes together', async () => {
    const store = new Shared()
    const limits = { api: [perSecond(20, { by: 'platform' }), perMinute(1_000)] }
    const processes = [new LimitsBench(limits, { store }), new LimitsBench(limits, { store })]
    let allowed = 0
    for (let i = 0; i < 60; i++) {
      const bench = processes[i % 2] as LimitsBench
      bench.enter({ tenant: `tenant-${i % 7}` })
      if ((await bench.limits.consume('api')).allowed) allowed++
    }
    expect(allowed).toBe(20)
    for (const bench of processes) await bench.limits.close()
  })

  const rate = 20
  const lease = { ms: 100, units: 3 }
  const tight = perSecond(rate, { lease })
  it.each([
    ['alone', tight],
    ['before another one', [tight, perSecond(50, { by: 'actor', lease })]],
    ['after another one', [perSecond(50, { lease }), perSecond(rate, { by: 'actor', lease })]],
  ])('lets pass no more than its bound says, whatever is asked when: %s', async (_where, api) => {
    const ask = fc.record({
      wait: fc.integer({ min: 0, max: 60 }),
      cost: fc.integer({ min: 1, max: 4 }),
      process: fc.nat({ max: 2 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(ask, { minLength: 40, maxLength: 60 }), async (asks) => {
        const store = new Shared()
        const processes = [0, 1, 2].map(() => new LimitsBench({ api }, { store }))
        const start = (processes[0] as LimitsBench).now
        let now = start
        let taken = 0
        for (const { wait, cost, process } of asks) {
          now += wait
          for (const bench of processes) bench.now = now
          const bench = processes[process] as LimitsBench
          if ((await bench.limits.consume('api', { cost })).allowed) taken += cost
          const usual = rate + Math.floor(((now - start) * rate) / 1_000)
          const over = Math.ceil((rate * lease.ms) / 1_000) + processes.length * lease.units
          expect(taken).toBeLessThanOrEqual(usual + over)
        }
        for (const bench of processes) await bench.limits.close()
      }),
      { numRuns: 100 },
    )
  })
})
