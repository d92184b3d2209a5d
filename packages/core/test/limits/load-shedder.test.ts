import { describe, expect, it } from 'vitest'
import { perMinute } from '../../src/catalog/index.ts'
import { LimitsBench } from './bench.ts'

const catalog = {
  login: perMinute(1_000, { priority: 'critical' }),
  checkout: perMinute(1_000, { priority: 'high' }),
  api: perMinute(1_000),
  export: perMinute(1_000, { priority: 'low' }),
}

function benchAt(delayMs: () => number, weight?: (tenant: { readonly id: string }) => number): LimitsBench {
  return new LimitsBench(catalog, { shedding: { maxDelayMs: 100, delayMs, ...(weight && { weight }) } })
}

describe('load shedding', () => {
  it('refuses by priority, the lowest first, and what is critical never', () => {
    let delay = 0
    const bench = benchAt(() => delay)
    const passing = (): string[] =>
      Object.keys(catalog).filter((name) => {
        const result = bench.limits.consume(name)
        return 'allowed' in result && result.allowed
      })
    expect(passing()).toEqual(['login', 'checkout', 'api', 'export'])
    delay = 110
    expect(passing()).toEqual(['login', 'checkout', 'api'])
    delay = 220
    expect(passing()).toEqual(['login', 'checkout'])
    delay = 5_000
    expect(passing()).toEqual(['login'])
    delay = 100
    expect(passing()).toEqual(['login', 'checkout', 'api', 'export'])
  })

  it('takes no units for what it refuses, and puts it on record', () => {
    const bench = benchAt(() => 150)
    expect(bench.limits.consume('export')).toMatchObject({
      allowed: false,
      shed: true,
      outcome: 'refused',
      retryAfter: 1,
      refusedBy: [],
    })
    expect(bench.scope.noted).toEqual([
      {
        action: 'load.shed',
        outcome: 'refused',
        notable: true,
        targets: [{ type: 'limit', id: 'export' }],
        metadata: { priority: 'low', delayMs: 150 },
      },
    ])
    expect(bench.limits.peek('export')).toMatchObject({ remaining: 1_000 })
  })

  it('sheds a tenant that does more than its part before the others', () => {
    let delay = 0
    const bench = benchAt(() => delay)
    for (let i = 0; i < 90; i++) {
      bench.enter({ tenant: 'noisy' })
      bench.limits.consume('api')
    }
    for (const tenant of ['a', 'b', 'c']) {
      bench.enter({ tenant })
      bench.limits.consume('api')
    }
    delay = 150
    bench.enter({ tenant: 'noisy' })
    expect(bench.limits.consume('api')).toMatchObject({ allowed: false, shed: true })
    bench.enter({ tenant: 'a' })
    expect(bench.limits.consume('api')).toMatchObject({ allowed: true })
    expect(bench.limits.consume('export')).toMatchObject({ allowed: true })
  })

  it('lets a tenant of more weight do more', () => {
    const bench = benchAt(
      () => 150,
      ({ id }) => (id === 'big' ? 10 : 1),
    )
    for (let i = 0; i < 5; i++) {
      for (const tenant of ['big', 'small']) {
        bench.enter({ tenant })
        bench.limits.consume('api')
      }
    }
    bench.enter({ tenant: 'big' })
    expect(bench.limits.consume('export')).toMatchObject({ allowed: true })
    bench.enter({ tenant: 'small' })
    expect(bench.limits.consume('export')).toMatchObject({ allowed: false })
  })

  it.each([Number.NaN, 0, -1])('takes no notice of a weight of %s', (weight) => {
    const bench = benchAt(
      () => 150,
      () => weight,
    )
    expect(bench.limits.consume('login')).toMatchObject({ allowed: true })
    expect(bench.limits.consume('api')).toMatchObject({ allowed: true })
    expect(bench.limits.consume('export')).toMatchObject({ allowed: false })
  })

  it('sheds nothing for a delay that is none', () => {
    const bench = benchAt(() => Number.NaN)
    expect(bench.limits.consume('export')).toMatchObject({ allowed: true })
  })

  it('only observes where limits do', () => {
    const bench = new LimitsBench(catalog, { mode: 'observe', shedding: { maxDelayMs: 1, delayMs: () => 99 } })
    expect(bench.limits.consume('export')).toMatchObject({ allowed: true, observed: true })
    expect(bench.scope.noted).toMatchObject([{ action: 'load.shed', metadata: { observed: true } }])
  })

  it('measures the event loop by itself', () => {
    const bench = new LimitsBench(catalog, { shedding: { maxDelayMs: 60_000 } })
    expect(bench.limits.consume('export')).toMatchObject({ allowed: true })
    return bench.limits.close()
  })
})
