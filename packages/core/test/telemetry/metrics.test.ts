import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Storage } from '../../src/index.ts'
import {
  checkGuards,
  createThroughline,
  memoryStorage,
  meter,
  perMinute,
  quotaPerMonth,
  rateLimit,
  requireFlag,
  requirePlan,
  requireRole,
} from '../../src/index.ts'
import { combine, type LimitsStore, memoryLimits } from '../../src/storage/index.ts'
import { METRICS } from '../../src/telemetry/index.ts'
import { WindowMax } from '../../src/telemetry/window-max.ts'
import { overriddenStorage } from './overridden-storage.ts'
import { Sdk } from './sdk.ts'
import { tracedApp } from './traced-app.ts'

const options = {
  flags: { beta: { default: true }, gone: { default: false } },
  limits: { api: perMinute(2) },
  meters: { reports: { aggregate: 'count' } },
  plans: { free: { quotas: { reports: quotaPerMonth(1, { hard: true }) } } },
  tenants: { load: (id: string) => (id === 'nobody' ? null : { id, plan: 'free' }) },
} as const
const ada = { id: 'ada', roles: ['reader'] }

let sdk: Sdk
let ending: (() => Promise<unknown>)[]
beforeEach(() => {
  sdk = new Sdk()
  ending = [() => sdk.remove()]
})
afterEach(async () => {
  for (const end of ending.reverse()) await end()
})

const open = (storage: Storage = memoryStorage(), more: { mode?: 'observe' } = {}) => {
  const throughline = createThroughline({ ...options, ...more, storage, logger: { warn() {} } })
  ending.push(() => throughline.close())
  return throughline
}

/** A storage that counts what the gauges ask, and can stop to answer. */
function watched(): { storage: Storage; asked(): number; fail(how: 'never' | 'throws' | undefined): void } {
  let asked = 0
  const waiting: (() => void)[] = []
  let failing: 'never' | 'throws' | undefined
  const storage = overriddenStorage((records) => ({
    backlog() {
      asked += 1
      if (failing === 'never') return new Promise((_, reject) => void waiting.push(() => reject(new Error('late'))))
      return failing === 'throws' ? Promise.reject(new Error('down')) : records.backlog()
    },
  }))
  return {
    storage,
    asked: () => asked,
    fail(how) {
      failing = how
      for (const end of waiting.splice(0)) end()
    },
  }
}

const attempt = async (...guards: Parameters<typeof checkGuards>[0]): Promise<void> => {
  try {
    await checkGuards(guards)
  } catch {
    // Refused.
  }
}

describe('decisions', () => {
  it('are counted by layer, outcome and name', async () => {
    sdk.register()
    const throughline = open()
    await throughline.run({ tenant: 'acme', actor: ada }, async () => {
      for (let i = 0; i < 3; i++) await attempt(rateLimit('api'))
      for (let i = 0; i < 2; i++) await attempt(meter('reports'))
      await attempt(requireRole('reader'), requirePlan('free'), requireFlag('beta'))
      await attempt(requireRole('admin', 'owner'))
      await attempt(requirePlan('enterprise'))
      await attempt(requireFlag('gone'))
      throughline.flags.isEnabled('beta')
    })
    expect(await sdk.decisions()).toEqual({
      'limit allowed api': 2,
      'limit refused api': 1,
      'quota allowed reports': 1,
      'quota refused reports': 1,
      'role allowed reader': 1,
      'role refused admin|owner': 1,
      'plan allowed free': 1,
      'plan refused enterprise': 1,
      'flag allowed beta': 1,
      'flag refused gone': 1,
      'flag evaluated beta': 2,
      'flag evaluated gone': 1,
    })
  })

  it('of limits are counted policy by policy, and say when one was near, shed, or decided without its store', async () => {
    sdk.register()
    let fails = false
    const limits = memoryLimits()
    const store: LimitsStore = {
      name: 'test',
      decide: (request, now) => (fails ? Promise.reject(new Error('down')) : limits.decide(request, now)),
      refund: (request, now) => limits.refund(request, now),
      renew: (request, now) => limits.renew(request, now),
      close: async () => undefined,
    }
    let delayMs = 0
    const throughline = createThroughline({
      storage: combine(memoryStorage(), { limits: store }),
      tenants: options.tenants,
      limits: {
        api: [perMinute(100), perMinute(1, { by: 'actor' }), perMinute(1, { by: 'actor', burst: 2 })],
        near: perMinute(2, { nearAt: 0.5 }),
        closed: perMinute(2, { whenUnavailable: 'closed' }),
      },
      loadShedding: { maxDelayMs: 10, delayMs: () => delayMs },
      logger: { warn() {} },
    })
    ending.push(() => throughline.close())
    await throughline.run({ tenant: 'acme', actor: ada }, async () => {
      for (let i = 0; i < 2; i++) await attempt(rateLimit('api'))
      await attempt(rateLimit('near'))
      delayMs = 1_000
      await attempt(rateLimit('near'))
      delayMs = 0
      fails = true
      await attempt(rateLimit('near'))
      await attempt(rateLimit('closed'))
    })
    expect(await sdk.decisions()).toEqual({
      'limit allowed api': 1,
      'limit allowed api api/actor': 1,
      'limit allowed api api/actor/2': 1,
      'limit refused api api/actor': 1,
      'limit near near': 1,
      'limit allowed near': 1,
      'limit shed near': 1,
      'limit allowed near local': 1,
      'limit refused closed closed': 1,
    })
  })

  it('say what is only observed', async () => {
    sdk.register()
    const throughline = open(memoryStorage(), { mode: 'observe' })
    await throughline.run({ tenant: 'acme', actor: ada }, async () => {
      for (let i = 0; i < 3; i++) await attempt(rateLimit('api'))
    })
    const app = await tracedApp(throughline, () => undefined, { membership: () => false })
    ending.push(() => app.stop())
    expect((await app.get('acme')).status).toBe(200)
    expect(await sdk.decisions()).toEqual({
      'limit allowed api': 2,
      'limit observed api': 1,
      'resolution allowed': 1,
      'membership observed TENANT_NOT_FOUND': 1,
    })
  })

  it('of requests are counted where the tenant is resolved', async () => {
    sdk.register()
    const app = await tracedApp(open(), () => undefined, { membership: (_actor, tenant) => tenant === 'acme' })
    ending.push(() => app.stop())
    for (const tenant of ['acme', 'globex', 'nobody', '']) await app.get(tenant)
    expect(await sdk.decisions()).toEqual({
      'resolution allowed': 2,
      'membership allowed': 1,
      'membership refused TENANT_NOT_FOUND': 1,
      'resolution refused TENANT_NOT_FOUND': 1,
      'resolution refused TENANT_UNRESOLVED': 1,
    })
  })

  it('and gauges never have a tenant for a label, or anything else of unbounded number', async () => {
    sdk.register()
    const throughline = open()
    const names = Array.from({ length: 50 }, (_, i) => `tenant-${i}`)
    for (const tenant of names) {
      await throughline.run({ tenant, actor: { id: `actor-of-${tenant}` } }, () => attempt(rateLimit('api')))
    }
    const points = [...(await sdk.collect()).values()].flat()
    expect(points.length).toBeGreaterThan(5)
    expect(points.length).toBeLessThan(10)
    for (const { attributes } of points) {
      expect(['layer', 'outcome', 'name', 'policy']).toEqual(expect.arrayContaining(Object.keys(attributes)))
      expect(JSON.stringify(attributes)).not.toMatch(/tenant-|actor-/)
    }
  })

  it('past a thousand label sets are counted together', async () => {
    sdk.register()
    const throughline = open()
    await throughline.run({ tenant: 'acme', actor: ada }, async () => {
      for (let i = 0; i < 1_100; i++) await attempt(requireRole(`role-${i}`))
    })
    const counted = await sdk.decisions()
    expect(Object.keys(counted).length).toBeLessThanOrEqual(1_001)
    expect(counted['role refused other']).toBe(100)
  })
})

describe('gauges', () => {
  const GAUGES = Object.values(METRICS).filter(({ name }) => name !== METRICS.decisions.name)

  it('are all there, from one question to the database', async () => {
    sdk.register()
    const { storage, asked } = watched()
    const throughline = open(storage)
    await throughline.run({ tenant: 'acme', actor: ada }, () => undefined)
    await throughline.ready()
    const before = asked()
    const collected = await sdk.collect()
    expect(asked() - before).toBe(1)
    for (const { name } of GAUGES) {
      expect(
        collected.get(name)?.map(({ attributes }) => attributes),
        name,
      ).toEqual([{}])
      expect(collected.get(name)?.[0]?.value, name).toBeGreaterThanOrEqual(0)
    }
    expect(collected.get('throughline.journal.rows')?.[0]?.value).toBe(1)
  })

  it('appear with an SDK that is registered after the start', async () => {
    const throughline = open()
    await throughline.ready()
    sdk.register()
    await throughline.run({ tenant: 'acme', actor: ada }, () => undefined)
    expect([...(await sdk.collect()).keys()]).toEqual(expect.arrayContaining(GAUGES.map(({ name }) => name)))
  })

  it('leave out what the database does not tell, and show the rest', async () => {
    sdk.register()
    const { storage, fail } = watched()
    const throughline = open(storage)
    await throughline.ready()
    for (const how of ['throws', 'never'] as const) {
      fail(how)
      const collected = await sdk.collect()
      expect(collected.get('throughline.snapshot.age'), how).toHaveLength(1)
      expect(collected.get('throughline.journal.rows') ?? [], how).toEqual([])
    }
    fail(undefined)
    expect((await sdk.collect()).get('throughline.journal.rows')).toHaveLength(1)
  })

  it('count appends that failed', async () => {
    sdk.register()
    let failing = false
    const storage = overriddenStorage((records) => ({
      append: (batch) => (failing ? Promise.reject(new Error('down')) : records.append(batch)),
    }))
    const throughline = createThroughline({ storage, logger: { warn() {} } })
    ending.push(() => throughline.close())
    await throughline.ready()
    failing = true
    await expect(throughline.run({ tenant: 'acme', actor: ada }, () => undefined)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    })
    expect((await sdk.collect()).get('throughline.settle.failures')?.[0]?.value).toBe(1)
    failing = false
  })

  it('show how old a snapshot is that stands in while tenants can not be loaded', async () => {
    sdk.register()
    let now = 1_000_000
    let down = false
    const throughline = createThroughline({
      clock: { now: () => now },
      logger: { warn() {} },
      tenants: { load: (id) => (down ? Promise.reject(new Error('down')) : { id }) },
    })
    ending.push(() => throughline.close())
    const age = async () => (await sdk.collect()).get('throughline.snapshot.age')?.[0]?.value
    await throughline.run({ tenant: 'acme', actor: ada }, () => undefined)
    expect(await age()).toBe(0)
    down = true
    now += 7_000
    await throughline.run({ tenant: 'acme', actor: ada }, () => undefined)
    expect(await age()).toBe(7_000)
  })

  it('are gone once the instance is closed, and ask its database no more', async () => {
    sdk.register()
    const { storage, asked } = watched()
    const throughline = open(storage)
    await throughline.run({ tenant: 'acme', actor: ada }, () => undefined)
    await throughline.close()
    const before = asked()
    const collected = await sdk.collect()
    expect(asked()).toBe(before)
    for (const { name } of GAUGES) expect(collected.get(name) ?? [], name).toEqual([])
  })
})

describe('the highest value of a window', () => {
  it('holds for one to two minutes, whoever reads it', () => {
    const max = new WindowMax()
    max.add(30, 0)
    max.add(10, 1)
    expect([max.read(2), max.read(2), max.read(59_999), max.read(61_000)]).toEqual([30, 30, 30, 30])
    max.add(5, 62_000)
    expect([max.read(119_000), max.read(125_000), max.read(400_000)]).toEqual([30, 5, 0])
  })
})
