import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { perMinute, perSecond } from '../../src/catalog/index.ts'
import type { EventTemplate } from '../../src/event.ts'
import {
  createLimits,
  type LimitOverride,
  type LimitsOptions,
  type LimitsScope,
  limitsView,
} from '../../src/limits/index.ts'
import type { JournalEvent, LimitsStore } from '../../src/storage/index.ts'
import { memoryLimits } from '../../src/storage/memory-limits.ts'
import type { Actor } from '../../src/vocabulary.ts'

let now = 1_000_000
let ids = 0

class FakeScope implements LimitsScope {
  readonly snapshot: LimitsScope['snapshot']
  readonly tenant: { readonly id: string }
  readonly actor: Actor
  readonly route = 'GET /reports'
  readonly folded: EventTemplate[] = []
  readonly noted: JournalEvent[] = []

  constructor(tenant = 'acme', overrides: Record<string, LimitOverride> = {}, actor = 'ada') {
    this.tenant = { id: tenant }
    this.actor = { id: actor, type: 'user' }
    const catalog = { api: perMinute(60), bulk: perSecond(10, { burst: 20 }) }
    const plan = { bulk: perSecond(100) }
    this.snapshot = {
      limits: limitsView({ tenant, catalog, plan, overrides: new Map(Object.entries(overrides)), now }),
    }
  }

  fold(template: EventTemplate): void {
    this.folded.push(template)
  }

  note(event: JournalEvent): void {
    this.noted.push(event)
  }
}

function engine(options: Partial<LimitsOptions> = {}) {
  const scope = new FakeScope()
  const limits = createLimits({
    scope: () => scope,
    store: memoryLimits(),
    fallback: memoryLimits(),
    now: () => now,
    newId: () => `id-${ids++}`,
    flag: () => undefined,
    mode: 'enforce',
    timeoutMs: 40,
    share: 1,
    ...options,
  })
  return { scope, limits }
}

/** A store that fails, or does not answer, as long as it is told to. */
class Unsteady implements LimitsStore {
  readonly name = 'unsteady'
  readonly #inner = memoryLimits()
  state: 'up' | 'rejects' | 'throws' | 'hangs' = 'up'
  asked = 0

  decide(...args: Parameters<LimitsStore['decide']>): ReturnType<LimitsStore['decide']> {
    this.asked += 1
    if (this.state === 'throws') throw new Error('down')
    if (this.state === 'rejects') return Promise.reject(new Error('down'))
    if (this.state === 'hangs') return new Promise(() => undefined)
    return Promise.resolve(this.#inner.decide(...args))
  }

  async refund(...args: Parameters<LimitsStore['refund']>): Promise<void> {
    if (this.state !== 'up') throw new Error('down')
    this.#inner.refund(...args)
  }

  renew(...args: Parameters<LimitsStore['renew']>): ReturnType<LimitsStore['renew']> {
    return this.state === 'up' ? this.#inner.renew(...args) : Promise.reject(new Error('down'))
  }

  async close(): Promise<void> {}
}

beforeEach(() => {
  now = 1_000_000
})

describe('limits', () => {
  it('answer at once when the store is in memory, and count what passed', () => {
    const { limits, scope } = engine()
    expect(limits.consume('api')).toEqual({
      allowed: true,
      outcome: 'allowed',
      granted: 1,
      remaining: 59,
      retryAfter: 0,
      limit: 60,
      resetAfter: 1,
      policies: [
        {
          name: 'api',
          kind: 'rate',
          by: 'tenant',
          limit: 60,
          windowMs: 60_000,
          burst: 60,
          allowed: true,
          remaining: 59,
          retryAfter: 0,
          resetAfter: 1,
        },
      ],
      refusedBy: [],
    })
    expect(limits.consume('api', { cost: 9 })).toMatchObject({ allowed: true, remaining: 50 })
    expect(scope.folded).toHaveLength(2)
    expect(scope.folded[0]).toBe(scope.folded[1])
    expect(JSON.parse(`${scope.folded[0]?.open}}`)).toEqual({
      action: 'limit.passed',
      targets: [{ type: 'limit', id: 'api' }],
      metadata: { limit: 60, windowMs: 60_000 },
    })
    expect(scope.noted).toEqual([])
  })

  it('refuse what goes beyond, take nothing for it, and put it on record', async () => {
    const { limits, scope } = engine()
    await limits.consume('api', { cost: 60 })
    expect(limits.consume('api')).toMatchObject({ allowed: false, remaining: 0, retryAfter: 1 })
    expect(limits.consume('api', { cost: 30 })).toMatchObject({ allowed: false, retryAfter: 30 })
    expect(scope.noted[1]).toEqual({
      action: 'limit.refused',
      outcome: 'refused',
      notable: true,
      targets: [{ type: 'limit', id: 'api' }],
      metadata: { limit: 60, windowMs: 60_000, retryAfter: 30 },
    })
    now += 30_000
    expect(limits.consume('api', { cost: 30 })).toMatchObject({ allowed: true, remaining: 0 })
  })

  it('say when a cost can never pass', async () => {
    const { limits, scope } = engine()
    expect(await limits.consume('api', { cost: 61 })).toMatchObject({
      allowed: false,
      retryAfter: Number.POSITIVE_INFINITY,
    })
    expect(scope.noted[0]?.metadata).toEqual({ limit: 60, windowMs: 60_000 })
  })

  it('only observe when told to', async () => {
    const { limits, scope } = engine({ mode: 'observe' })
    await limits.consume('api', { cost: 60 })
    expect(limits.consume('api')).toMatchObject({ allowed: true, observed: true, retryAfter: 0 })
    expect(scope.noted).toMatchObject([{ action: 'limit.refused', outcome: 'refused', metadata: { observed: true } }])
  })

  it('are each tenant’s own', async () => {
    let scope = new FakeScope('acme')
    const { limits } = engine({ scope: () => scope })
    await limits.consume('api', { cost: 60 })
    expect(limits.consume('api')).toMatchObject({ allowed: false })
    scope = new FakeScope('globex')
    expect(limits.consume('api')).toMatchObject({ allowed: true, remaining: 59 })
  })

  it('leave an override when it expires, also in the middle of a context', async () => {
    const scope = new FakeScope('acme', { api: { limit: perMinute(5), until: now + 1_000 } })
    const { limits } = engine({ scope: () => scope })
    expect(await limits.consume('api')).toMatchObject({ limit: 5, remaining: 4 })
    now += 1_000
    expect(await limits.consume('api')).toMatchObject({ limit: 60 })
  })

  it('give back what was taken for nothing', async () => {
    const { limits } = engine()
    await limits.consume('api', { cost: 60 })
    await limits.refund('api', { cost: 10 })
    expect(limits.consume('api')).toMatchObject({ allowed: true, remaining: 9 })
  })

  it('refuse names and costs that are none', () => {
    const { limits } = engine()
    expect(() => limits.consume('apis')).toThrow(/LIMIT_UNKNOWN: .*Did you mean "api"\?/)
    for (const cost of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2' as unknown as number]) {
      expect(() => limits.consume('api', { cost })).toThrow(/LIMIT_COST_INVALID/)
    }
    // It would count as 1.
    for (const options of [5, 'x', null, { csot: 5 }] as object[]) {
      expect(() => limits.consume('api', options)).toThrow(/LIMIT_COST_INVALID: .* Pass `\{ cost: … \}`/)
    }
    expect(() => limits.consume('api', { csot: 5 } as object)).toThrow('Did you mean "cost"?')
  })

  it('never admit more than burst and rate allow, whatever is asked when', () => {
    const ask = fc.record({ wait: fc.integer({ min: 0, max: 3_000 }), cost: fc.integer({ min: 1, max: 15 }) })
    fc.assert(
      fc.property(fc.array(ask, { maxLength: 100 }), (asks) => {
        const { limits } = engine()
        const start = now
        let taken = 0
        for (const { wait, cost } of asks) {
          now += wait
          const result = limits.consume('api', { cost })
          if (!('allowed' in result)) throw new Error('not at once')
          if (result.allowed) taken += cost
          else expect(Number.isInteger(result.retryAfter) && result.retryAfter >= 1).toBe(true)
          expect(taken).toBeLessThanOrEqual(60 + Math.floor((now - start) / 1_000))
        }
        now = start
      }),
    )
  })
})

describe('a limits store that fails', () => {
  it.each(['rejects', 'throws', 'hangs'] as const)('%s: this process decides, and says so', async (state) => {
    const store = new Unsteady()
    const failures: unknown[] = []
    const { limits, scope } = engine({ store, timeoutMs: 5, onDegraded: (error) => failures.push(error) })
    expect(await limits.consume('api')).not.toHaveProperty('degraded')
    store.state = state
    expect(await limits.consume('api', { cost: 60 })).toMatchObject({
      allowed: true,
      outcome: 'degraded',
      degraded: 'local',
    })
    expect(await limits.consume('api')).toMatchObject({ allowed: false, outcome: 'degraded', degraded: 'local' })
    expect(limits.health.status).toBe('degraded')
    expect(failures).toHaveLength(1)
    expect(scope.noted.filter(({ action }) => action === 'limit.degraded')).toEqual([
      {
        action: 'limit.degraded',
        outcome: 'failure',
        notable: true,
        targets: [{ type: 'limit', id: 'api' }],
        metadata: { store: 'unsteady', decidedBy: 'local' },
      },
    ])
  })

  it('is asked again soon by one call, then ever later, up to a second', async () => {
    const store = new Unsteady()
    const { limits } = engine({ store, timeoutMs: 5 })
    store.state = 'rejects'
    const began = now
    const asked: number[] = []
    for (; now < began + 4_000; now += 50) {
      const before = store.asked
      await Promise.all([limits.consume('api'), limits.consume('api')])
      if (store.asked > before) asked.push(now - began)
    }
    expect(asked).toEqual([0, 100, 300, 700, 1_500, 2_500, 3_500])
    store.state = 'up'
    now = began + 4_500
    expect(await limits.consume('api')).toMatchObject({ outcome: 'allowed' })
    store.state = 'rejects'
    await limits.consume('api')
    store.state = 'up'
    now += 100
    expect(await limits.consume('api')).toMatchObject({ outcome: 'allowed' })
  })

  it('is asked again by one call, and counts again once it answers', async () => {
    const store = new Unsteady()
    const { limits, scope } = engine({ store, timeoutMs: 5 })
    store.state = 'rejects'
    await limits.consume('api')
    for (let i = 0; i < 5; i++) await limits.consume('api')
    expect(store.asked).toBe(1)
    now += 1_000
    await Promise.all([limits.consume('api'), limits.consume('api')])
    expect(store.asked).toBe(2)
    store.state = 'up'
    now += 1_000
    expect(await limits.consume('api')).toMatchObject({ remaining: 59 })
    expect(limits.health.status).toBe('ok')
    store.state = 'rejects'
    now += 58_000
    await limits.consume('api')
    expect(scope.noted).toHaveLength(2)
  })

  it('leaves each process its share', async () => {
    const store = new Unsteady()
    store.state = 'rejects'
    const { limits } = engine({ store, share: 0.25 })
    expect(await limits.consume('api', { cost: 15 })).toMatchObject({ allowed: true, remaining: 0 })
    expect(await limits.consume('api')).toMatchObject({ allowed: false, retryAfter: 4 })
  })

  it('fails no refund', async () => {
    const store = new Unsteady()
    const { limits } = engine({ store })
    store.state = 'rejects'
    await expect(limits.refund('api')).resolves.toBeUndefined()
  })
})
