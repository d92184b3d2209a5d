import type { EvaluationContext, TrackingEventDetails } from '@openfeature/server-sdk'
import { OpenFeature } from '@openfeature/server-sdk'
import { createThroughline, ThroughlineError } from '@throughline/core'
import { throughlineProvider } from '@throughline/openfeature'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const throughline = createThroughline({
  flags: { any: { default: false } },
  meters: { exports: { aggregate: 'count' }, bytes: { aggregate: 'sum' } },
})
const failures: unknown[] = []
const client = OpenFeature.getClient('tracking-test')
const as = <R>(tenant: string, fn: () => Promise<R> | R) => throughline.run({ tenant, actor: { id: 'ada' } }, fn)

beforeAll(async () => {
  const provider = throughlineProvider(throughline, { onTrackingError: (error) => failures.push(error) })
  await OpenFeature.setProviderAndWait('tracking-test', provider)
})
afterEach(() => {
  failures.length = 0
})
afterAll(async () => {
  await OpenFeature.clearProviders()
  await throughline.close()
})

describe('tracking', () => {
  const quantities = (tenant: string) =>
    as(tenant, async () => {
      const { totals } = await throughline.usage.totals()
      return Object.fromEntries(totals.map(({ meter, quantity }) => [meter, quantity]))
    })
  const track = (name: string, details?: TrackingEventDetails, context: EvaluationContext = {}) =>
    as('acme', () => client.track(name, context, details))

  it('is usage of the meter of that name', async () => {
    const before = await quantities('acme')
    await track('exports', { value: 99 })
    await track('bytes', { value: 512 })
    await track('bytes')
    await track('bytes', { value: 7, key: 'upload-1' })
    await track('bytes', { value: 7, key: 'upload-1' })
    expect(await quantities('acme')).toEqual({
      exports: (before.exports ?? 0) + 1,
      bytes: (before.bytes ?? 0) + 512 + 1 + 7,
    })
    expect(failures).toEqual([])
  })

  it("is the open context's tenant's, whatever the event says", async () => {
    const before = await quantities('globex')
    await track('exports', { tenant: 'globex' }, { targetingKey: 'globex', org: { id: 'globex' } })
    expect(await quantities('globex')).toEqual(before)
  })

  it.each(['unknown', 'constructor', '__proto__', ''])(
    'leaves an event "%s" that no meter is named after',
    async (name) => {
      const before = await quantities('acme')
      await track(name, { value: 3 })
      expect(await quantities('acme')).toEqual(before)
      expect(failures).toEqual([])
    },
  )

  it.each([
    ['a quantity that is none', () => track('bytes', { value: 0.5 }), 'USAGE_QUANTITY_INVALID'],
    ['a key that is no text', () => track('exports', { key: 42 }), 'USAGE_KEY_INVALID'],
    ['no tenant', async () => client.track('exports'), 'TENANT_REQUIRED'],
  ] as const)('tells of %s, and throws nothing', async (_, act, code) => {
    await act()
    await expect.poll(() => failures).toHaveLength(1)
    expect(failures[0]).toBeInstanceOf(ThroughlineError)
    expect(failures[0]).toMatchObject({ code })
  })
})
