import { describe, expect, it } from 'vitest'
import { concurrent, perMinute, perSecond } from '../../src/catalog/index.ts'
import { rateLimitHeaders } from '../../src/limits/limit-headers.ts'
import type { LimitsStore } from '../../src/storage/index.ts'
import { memoryLimits } from '../../src/storage/memory-limits.ts'
import { LimitsBench } from './bench.ts'

describe('a policy in shadow', () => {
  it('refuses nobody and records whom it would have', async () => {
    const bench = new LimitsBench({ api: [perMinute(100), perMinute(1, { by: 'actor', shadow: true })] })
    expect(await bench.limits.consume('api')).toMatchObject({ allowed: true })
    expect(bench.scope.noted).toEqual([])
    expect(await bench.limits.consume('api')).toMatchObject({ allowed: true, remaining: 98 })
    expect(bench.scope.noted).toMatchObject([
      { action: 'limit.refused', targets: [{ id: 'api/actor' }], metadata: { observed: true, shadow: true, limit: 1 } },
    ])
  })

  it('that stands alone lets everything pass', async () => {
    const bench = new LimitsBench({ api: perMinute(1, { shadow: true }) })
    for (let i = 0; i < 3; i++)
      expect(await bench.limits.consume('api')).toMatchObject({ allowed: true, retryAfter: 0 })
    expect(bench.scope.noted).toHaveLength(2)
    expect(bench.scope.folded).toHaveLength(3)
  })

  it('is not told to clients, whom it does not limit', async () => {
    const bench = new LimitsBench({ api: perMinute(1, { shadow: true }) })
    const partition = { tenant: { id: 'acme' }, actor: { id: 'ada' } }
    for (let i = 0; i < 2; i++) {
      const result = await bench.limits.consume('api')
      expect(result.policies).toMatchObject([{ name: 'api', shadow: true }])
      expect(rateLimitHeaders(result, partition, 'both')).toEqual({})
    }
  })
})

describe('what a policy in shadow counts', () => {
  it('is looked at, and alone decides nothing', async () => {
    const bench = new LimitsBench({ api: perMinute(1, { shadow: true }) })
    await bench.limits.consume('api')
    expect(await bench.limits.peek('api')).toMatchObject({ allowed: true, remaining: 0 })
  })

  it('is what is enforced: what was not granted, was given back or is over counts no more', async () => {
    const bench = new LimitsBench({
      tokens: [perSecond(3), perMinute(6, { by: 'actor', shadow: true })],
      jobs: [perMinute(2, { shadow: true }), concurrent(1, { shadow: true })],
    })
    expect(await bench.limits.tryConsume('tokens', { cost: 10, partial: true })).toMatchObject({ granted: 3 })
    bench.now += 1_000
    expect(await bench.limits.consume('tokens', { cost: 3 })).toMatchObject({ allowed: true })
    await bench.limits.refund('tokens', { cost: 3 })
    bench.now += 1_000
    expect(await bench.limits.consume('tokens', { cost: 3 })).toMatchObject({ allowed: true })
    for (let i = 0; i < 3; i++) await (await bench.limits.reserve('jobs')).release()
    for (let i = 0; i < 2; i++) await (await bench.limits.hold('jobs')).commit()
    expect(bench.scope.noted).toEqual([])
    const refusal = { targets: [{ id: 'jobs' }], metadata: { shadow: true, limit: 2 } }
    // What was not counted is not given back.
    await (await bench.limits.reserve('jobs')).release()
    expect(bench.scope.noted).toMatchObject([refusal])
    await (await bench.limits.reserve('jobs')).release()
    expect(bench.scope.noted).toMatchObject([refusal, refusal])
  })

  it('of the platform is one count of all tenants', async () => {
    const asked: string[] = []
    const inner = memoryLimits()
    const store: LimitsStore = {
      name: 'groups',
      decide(request, now) {
        asked.push(request.group)
        return inner.decide(request, now)
      },
      refund: (request, now) => inner.refund(request, now),
      renew: (request, now) => inner.renew(request, now),
      close: () => inner.close(),
    }
    const bench = new LimitsBench({ sms: perMinute(1, { by: 'platform', shadow: true }) }, { store })
    await bench.limits.consume('sms')
    bench.enter({ tenant: 'globex' })
    await bench.limits.consume('sms')
    expect(asked).toEqual(['$platform', '$platform'])
    expect(bench.scope.noted).toHaveLength(1)
  })
})
