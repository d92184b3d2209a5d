import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { concurrent, perMinute, slidingWindow } from '../../src/catalog/index.ts'
import { ThroughlineError } from '../../src/errors.ts'
import { combine } from '../../src/storage/combine.ts'
import type { LimitsStore } from '../../src/storage/index.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { memoryLimits } from '../../src/storage/memory-limits.ts'
import { createTestThroughline } from '../../src/testing/index.ts'
import { LimitsBench } from './bench.ts'

const DOWN: LimitsStore = {
  name: 'down',
  decide: () => Promise.reject(new Error('down')),
  refund: () => Promise.reject(new Error('down')),
  renew: () => Promise.reject(new Error('down')),
  close: async () => undefined,
}

const HANGING: LimitsStore = { ...DOWN, decide: () => new Promise(() => undefined) }

describe('where the limits store does not answer', () => {
  afterEach(() => void vi.useRealTimers())

  it('it is given up after 40 ms, unless said otherwise: a decision is had within 50', async () => {
    const storage = combine(memoryStorage(), { limits: HANGING })
    const throughline = createTestThroughline({ limits: { api: perMinute(100) }, storage })
    await throughline.ready()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let outcome: string | undefined
    const run = throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => {
      outcome = (await throughline.limits.consume('api')).outcome
    })
    const after = async (ms: number): Promise<string | undefined> => {
      await vi.advanceTimersByTimeAsync(ms)
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
      return outcome
    }
    expect(await after(39)).toBeUndefined()
    expect(await after(1)).toBe('degraded')
    vi.useRealTimers()
    await run
    await throughline.close()
  })

  it('health() says so until it answers again, and that the records are well', async () => {
    const working = memoryLimits()
    let down = false
    const limits: LimitsStore = {
      ...DOWN,
      decide: async (request, now) => (down ? Promise.reject(new Error('down')) : working.decide(request, now)),
    }
    const throughline = createTestThroughline({
      limits: { api: perMinute(100) },
      storage: combine(memoryStorage(), { limits }),
      logger: { warn() {} },
    })
    const found = async (isDown: boolean) => {
      down = isDown
      throughline.clock.advance(1_000)
      await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => throughline.limits.consume('api'))
      return throughline.health()
    }
    expect(await found(false)).toMatchObject({ status: 'ok', limits: { status: 'ok', store: 'down' } })
    expect(await found(true)).toMatchObject({ status: 'ok', limits: { status: 'degraded', store: 'down' } })
    expect(await found(false)).toMatchObject({ status: 'ok', limits: { status: 'ok', store: 'down' } })
    await throughline.close()
    const without = createTestThroughline()
    expect(await without.health()).not.toHaveProperty('limits')
    await without.close()
  })

  it('a policy that is open lets everything pass', async () => {
    const bench = new LimitsBench({ api: perMinute(1, { whenUnavailable: 'open' }) }, { store: DOWN })
    for (let i = 0; i < 3; i++) {
      expect(await bench.limits.consume('api')).toMatchObject({ allowed: true, outcome: 'degraded', degraded: 'open' })
    }
  })

  it('a policy that is closed refuses, and says that it is not the limit', async () => {
    const bench = new LimitsBench(
      { api: [perMinute(100), perMinute(5, { by: 'actor', whenUnavailable: 'closed' })] },
      { store: DOWN },
    )
    expect(await bench.limits.consume('api')).toMatchObject({
      allowed: false,
      granted: 0,
      outcome: 'degraded',
      degraded: 'closed',
      refusedBy: ['api/actor'],
      retryAfter: 1,
    })
    expect(bench.scope.noted).toMatchObject([
      { action: 'limit.degraded', metadata: { store: 'down', decidedBy: 'closed' } },
      { action: 'limit.refused', metadata: { degraded: 'closed' } },
    ])
  })

  it('each tenant is told once a minute', async () => {
    const bench = new LimitsBench({ api: perMinute(100) }, { store: DOWN })
    const told = async (tenant: string): Promise<number> => {
      const { noted } = bench.enter({ tenant })
      await bench.limits.consume('api')
      return noted.filter(({ action }) => action === 'limit.degraded').length
    }
    expect([await told('acme'), await told('globex'), await told('acme'), await told('globex')]).toEqual([1, 1, 0, 0])
    bench.now += 60_000
    expect(await told('globex')).toBe(1)
  })

  it('what passed because all did is not given back to it later', async () => {
    const inner = memoryLimits()
    let isDown = false
    const store: LimitsStore = {
      ...DOWN,
      decide: (request, now) => (isDown ? Promise.reject(new Error('down')) : inner.decide(request, now)),
      refund: (request, now) => inner.refund(request, now),
    }
    const bench = new LimitsBench({ api: perMinute(10, { whenUnavailable: 'open' }) }, { store })
    await bench.limits.consume('api', { cost: 10 })
    isDown = true
    const reservation = await bench.limits.reserve('api', { cost: 10 })
    isDown = false
    bench.now += 1_000
    await bench.limits.peek('api')
    await reservation.release()
    expect(await bench.limits.peek('api')).toMatchObject({ remaining: 0 })
  })

  it('the engine starts all the same, but not on a schema that is too old', async () => {
    const told: unknown[] = []
    const failing = (code: 'RECORDS_UNAVAILABLE' | 'STORAGE_SCHEMA_OUTDATED') =>
      new LimitsBench(
        { api: perMinute(5) },
        {
          store: { ...DOWN, open: () => Promise.reject(new ThroughlineError(code)) },
          onDegraded: (error) => told.push(error),
        },
      ).limits
    await failing('RECORDS_UNAVAILABLE').open('auto')
    expect(told).toMatchObject([{ code: 'RECORDS_UNAVAILABLE' }])
    await expect(failing('STORAGE_SCHEMA_OUTDATED').open('check')).rejects.toMatchObject({
      code: 'STORAGE_SCHEMA_OUTDATED',
    })
  })

  it('others are decided by a share of this process, all of them together', async () => {
    const bench = new LimitsBench(
      {
        api: [perMinute(40), slidingWindow(8, { by: 'actor' }), perMinute(1, { whenUnavailable: 'open', by: 'route' })],
      },
      { store: DOWN, share: 0.5 },
    )
    for (let i = 0; i < 4; i++) {
      expect(await bench.limits.consume('api')).toMatchObject({ allowed: true, degraded: 'local' })
    }
    expect(await bench.limits.consume('api')).toMatchObject({
      allowed: false,
      refusedBy: ['api/actor'],
      policies: [{ remaining: 16 }, { remaining: 0 }, { allowed: true }],
    })
  })

  it('what runs at once is counted here, and given back here', async () => {
    const bench = new LimitsBench({ exports: concurrent(1) }, { store: DOWN })
    const hold = await bench.limits.hold('exports')
    expect(hold.result).toMatchObject({ allowed: true, degraded: 'local' })
    expect((await bench.limits.hold('exports')).allowed).toBe(false)
    await hold.commit()
    expect((await bench.limits.hold('exports')).allowed).toBe(true)
  })

  it('shares are not taken in advance', async () => {
    const bench = new LimitsBench({ api: perMinute(5, { lease: { ms: 1_000, units: 5 } }) }, { store: DOWN })
    let allowed = 0
    for (let i = 0; i < 10; i++) if ((await bench.limits.consume('api')).allowed) allowed++
    expect(allowed).toBeGreaterThan(0)
    expect(allowed).toBeLessThanOrEqual(5)
    await bench.limits.close()
  })

  it('that answered in time is not down because this process was too busy to read it', async () => {
    const inner = memoryLimits()
    const { port1, port2 } = new MessageChannel()
    const store: LimitsStore = {
      ...DOWN,
      decide: (request, now) =>
        new Promise((resolve) => {
          port2.once('message', () => resolve(inner.decide(request, now)))
          port1.postMessage('asked')
        }),
    }
    const bench = new LimitsBench({ api: perMinute(100) }, { store, timeoutMs: 5 })
    const answer = bench.limits.consume('api')
    const began = performance.now()
    while (performance.now() - began < 20);
    expect(await answer).toMatchObject({ outcome: 'allowed' })
    port1.close()
  })

  it('is not waited for by what comes after the first', async () => {
    let asked = 0
    const hanging: LimitsStore = {
      ...DOWN,
      decide() {
        asked += 1
        return new Promise(() => undefined)
      },
    }
    const bench = new LimitsBench({ api: perMinute(100) }, { store: hanging, timeoutMs: 10 })
    await bench.limits.consume('api')
    const answers = Array.from({ length: 50 }, () => bench.limits.consume('api'))
    expect(answers.every((answer) => !(answer instanceof Promise))).toBe(true)
    expect(asked).toBe(1)
  })
})
