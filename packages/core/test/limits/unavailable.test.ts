import { describe, expect, it } from 'vitest'
import { concurrent, perMinute, slidingWindow } from '../../src/catalog/index.ts'
import { ThroughlineError } from '../../src/errors.ts'
import type { LimitsStore } from '../../src/storage/index.ts'
import { LimitsBench } from './bench.ts'

const DOWN: LimitsStore = {
  name: 'down',
  decide: () => Promise.reject(new Error('down')),
  refund: () => Promise.reject(new Error('down')),
  renew: () => Promise.reject(new Error('down')),
  close: async () => undefined,
}

describe('where the limits store does not answer', () => {
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
