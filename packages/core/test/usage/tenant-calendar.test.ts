import { afterEach, describe, expect, it } from 'vitest'
import { createThroughline, quotaPerDay, type TenantRow } from '../../src/index.ts'

const operator = { actor: { id: 'operator' }, reason: 'test' }
const actor = { type: 'service', id: 'exporter' } as const
const catalog = {
  meters: { exports: { aggregate: 'sum' } },
  plans: { free: { quotas: { exports: quotaPerDay(10, { hard: true }) } }, soft: {} },
} as const

let now = 0
let close: (() => Promise<void>) | undefined

afterEach(() => close?.())

describe('a tenant of ours', () => {
  const open = () => {
    const throughline = createThroughline({ catalog, tenants: 'ours', clock: { now: () => now } })
    close = () => throughline.close()
    return throughline
  }

  it('has a calendar from its creation on, and by an update; nonsense is refused by its name', async () => {
    const { platform } = open()
    await platform.run(operator, async ({ tenants }) => {
      const acme = { id: 'acme', timeZone: 'Asia/Tokyo', billingAnchor: 31 }
      expect(await tenants.create(acme)).toMatchObject({ ...acme, attributes: { timeZone: 'Asia/Tokyo' } })
      expect(await tenants.get('acme')).toMatchObject(acme)
      expect(await tenants.update('acme', { timeZone: 'Europe/Berlin', billingAnchor: null })).toMatchObject({
        timeZone: 'Europe/Berlin',
        attributes: { timeZone: 'Europe/Berlin' },
      })
      expect((await tenants.get('acme'))?.billingAnchor).toBeUndefined()
      for (const terms of [{ timeZone: 'Europe/Berln' }, { billingAnchor: 32 }]) {
        const refusal = {
          code: 'TENANT_INVALID',
          message: expect.stringContaining(`"${Object.keys(terms)[0]}" must be`),
        }
        await expect(tenants.create({ id: 'globex', ...terms })).rejects.toMatchObject(refusal)
        await expect(tenants.update('acme', terms)).rejects.toMatchObject(refusal)
      }
      expect(await tenants.get('globex')).toBeUndefined()
      // Only what it has itself is an update.
      await tenants.update('acme', Object.create({ timeZone: 'Mars' }))
      expect((await tenants.get('acme'))?.timeZone).toBe('Europe/Berlin')
    })
  })

  it('has its quota counted by it once it is changed, with what was used since its new day began', async () => {
    const throughline = open()
    const { platform } = throughline
    now = Date.parse('2026-11-24T12:00Z')
    await platform.run(operator, ({ tenants }) => tenants.create({ id: 'acme', plan: 'free' }))
    const inAcme = <R>(fn: () => Promise<R>) => throughline.run({ tenant: 'acme', actor }, fn)
    await inAcme(() => throughline.usage.record('exports', 4))
    now = Date.parse('2026-11-24T16:00Z')
    await inAcme(() => throughline.usage.record('exports', 6))
    // In Tokyo it is the 25th since 15:00.
    await platform.run(operator, ({ tenants }) => tenants.update('acme', { timeZone: 'Asia/Tokyo' }))
    await inAcme(async () => {
      await throughline.usage.record('exports', 3)
      await expect(throughline.usage.record('exports', 2)).rejects.toMatchObject({
        code: 'QUOTA_EXCEEDED',
        headers: { 'Retry-After': String(23 * 3_600) },
        details: { used: 9, resetsAt: '2026-11-25T15:00:00.000Z' },
      })
    })
    await platform.run(operator, async ({ usage }) => {
      const today = await usage.totals('acme', { period: 'day' })
      expect(today).toMatchObject({ from: '2026-11-24T15:00:00.000Z', to: '2026-11-25T15:00:00.000Z' })
      expect(today.totals).toEqual([{ meter: 'exports', quantity: 9, count: 2 }])
      const before = await usage.totals('acme', { period: 'day', at: '2026-11-24T14:00Z' })
      expect(before.totals).toEqual([{ meter: 'exports', quantity: 4, count: 1 }])
      const nobody = await usage.totals('nobody', { period: 'day' })
      expect(nobody).toMatchObject({
        from: '2026-11-24T00:00:00.000Z',
        totals: [{ meter: 'exports', quantity: 0, count: 0 }],
      })
      await expect(usage.totals('acme', { meter: 'exprts' })).rejects.toThrow(/METER_UNKNOWN: .*Did you mean "exports"/)
      for (const tenant of [7, undefined, null] as never[]) {
        await expect(usage.totals(tenant)).rejects.toThrow(/QUERY_INVALID: The tenant must be an id/)
      }
      await expect(usage.totals('acme', { at: '1969-12-31' })).rejects.toThrow(/"at" must be between 1970 and 9990/)
      await expect(usage.totals('acme', { at: 'x' })).rejects.toThrow(/"at" is no time: give/)
      await expect(usage.totals('acme', { at: now, from: now })).rejects.toThrow(/"at" excludes "from" and "to"/)
    })
  })
})

describe('a tenant of the app', () => {
  const warnings: unknown[][] = []
  const open = (row: Partial<TenantRow>) => {
    warnings.length = 0
    const throughline = createThroughline({
      catalog,
      tenants: { load: (id: string) => ({ id, plan: 'soft', ...row }) },
      clock: { now: () => now },
      logger: { warn: (...words: unknown[]) => warnings.push(words) },
    })
    close = () => throughline.close()
    return throughline
  }

  it('has what it records counted in the day it is recorded in, however long ago its context began', async () => {
    const { run, usage } = open({ timeZone: 'Asia/Kolkata' })
    now = Date.parse('2026-11-24T18:10Z')
    await run({ tenant: 'acme', actor }, async () => {
      await usage.record('exports', 1)
      now = Date.parse('2026-11-24T18:40Z')
      await usage.record('exports', 1)
      await usage.record('exports', 4, { key: 'a' })
      now = Date.parse('2026-11-24T20:10Z')
      await usage.record('exports', 1)
      await usage.record('exports', 16, { key: 'b' })
    })
    await run({ tenant: 'acme', actor }, async () => {
      expect((await usage.totals({ period: 'day' })).totals).toEqual([{ meter: 'exports', quantity: 22, count: 4 }])
      expect((await usage.totals({ from: '2026-11-24', to: '2026-11-25' })).totals[0]?.quantity).toBe(23)
    })
  })

  it('counts in UTC while its zone can not be read, and the log says so once', async () => {
    const { run, usage } = open({ plan: 'free', timeZone: 'Asia/Kolkatta' })
    now = Date.parse('2026-11-24T18:40Z')
    for (const tenant of ['acme', 'acme', 'globex']) {
      await run({ tenant, actor }, async () => {
        await usage.record('exports', 1)
        expect((await usage.remaining('exports'))?.resetsAt).toBe('2026-11-25T00:00:00.000Z')
      })
    }
    expect(warnings).toEqual([
      [expect.stringMatching(/^throughline: Tenant "acme": "timeZone" must be .*Did you mean/)],
    ])
  })
})
