import { expect, it } from 'vitest'
import { defineCatalog, guarded, quotaPerMonth } from '../../src/index.ts'
import { createTestThroughline, testClock } from '../../src/testing/index.ts'

it('units are not taken of a tenant that was suspended while a guard before was waited for', async () => {
  const clock = testClock('2026-11-30T12:00:00Z')
  const catalog = defineCatalog({
    meters: { exports: { aggregate: 'sum' } },
    plans: { free: { quotas: { exports: quotaPerMonth(10, { hard: true }) } } },
  })
  const throughline = createTestThroughline({ catalog, clock, tenants: 'ours' })
  const operator = { actor: { id: 'olga' }, reason: 'TICKET-1' }
  await throughline.platform.run(operator, ({ tenants }) => tenants.create({ id: 'acme', plan: 'free' }))
  const slow = {
    name: 'slow',
    check: async (): Promise<undefined> => {
      clock.advance(3_000)
      await throughline.platform.run(operator, ({ tenants }) => tenants.suspend('acme'))
    },
  }
  const call = guarded(async () => undefined, slow, throughline.guards.meter('exports'))
  const called = throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => call())
  await expect(called).rejects.toThrow(/TENANT_SUSPENDED/)
  await throughline.close()
})

it('units of a call that failed go back, also those of a tenant that was suspended meanwhile', async () => {
  const clock = testClock('2026-11-30T12:00:00Z')
  const catalog = defineCatalog({
    meters: { exports: { aggregate: 'sum' } },
    plans: { free: { quotas: { exports: quotaPerMonth(10, { hard: true }) } } },
  })
  const throughline = createTestThroughline({ catalog, clock, tenants: 'ours' })
  const operator = { actor: { id: 'olga' }, reason: 'TICKET-1' }
  await throughline.platform.run(operator, ({ tenants }) => tenants.create({ id: 'acme', plan: 'free' }))
  const inAcme = (fn: () => Promise<unknown>) => throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, fn)
  const failing = guarded(
    async () => {
      clock.advance(3_000)
      await throughline.platform.run(operator, ({ tenants }) => tenants.suspend('acme'))
      throw new Error('no paper')
    },
    throughline.guards.meter('exports', { quantity: 9 }),
  )
  await expect(inAcme(() => failing())).rejects.toThrow('no paper')
  await throughline.platform.run(operator, ({ tenants }) => tenants.reactivate('acme'))
  clock.advance(3_000)
  await expect(inAcme(() => throughline.usage.record('exports', 10))).resolves.toBeUndefined()
  const { events } = await throughline.platform.run(operator, ({ audit }) => audit.list({ tenant: 'acme' }))
  expect(events.map(({ action }) => action)).not.toContain('auth.refused')
  await throughline.close()
})
