import type { EvaluationContext, Provider } from '@openfeature/server-sdk'
import { InMemoryProvider, OpenFeature } from '@openfeature/server-sdk'
import { createThroughline } from '@throughline/core'
import { throughlineHook, throughlineProvider } from '@throughline/openfeature'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const throughline = createThroughline({ flags: { ours: { rules: [], default: true } } })
const other = createThroughline({})
const hook = throughlineHook(throughline)

const elsewhere = new InMemoryProvider({
  'new-menu': { variants: { on: true, off: false }, defaultVariant: 'on', disabled: false },
  story: { variants: { long: 'x'.repeat(5_000) }, defaultVariant: 'long', disabled: false },
  settings: { variants: { all: { secret: 'tree' } }, defaultVariant: 'all', disabled: false },
})
const client = OpenFeature.getClient('hook-test').addHooks(hook)
const ourClient = OpenFeature.getClient('hook-test-ours').addHooks(hook)
const as = <R>(tenant: string, fn: () => Promise<R> | R) => throughline.run({ tenant, actor: { id: 'ada' } }, fn)

async function evaluated(tenant: string) {
  const { events } = await as(tenant, () => throughline.audit.list({ action: 'flag.evaluated', limit: 500 }))
  return events.map(({ targets, outcome, metadata, count }) => ({ flag: targets[0]?.id, outcome, metadata, count }))
}

beforeAll(async () => {
  await OpenFeature.setProviderAndWait('hook-test', elsewhere)
  await OpenFeature.setProviderAndWait('hook-test-ours', throughlineProvider(throughline))
})
afterAll(async () => {
  await OpenFeature.clearProviders()
  await Promise.all([throughline.close(), other.close()])
})

describe('the hook', () => {
  it("counts another provider's answers on the tenant's trail", async () => {
    await as('counts', async () => {
      for (let i = 0; i < 3; i++) await client.getBooleanValue('new-menu', false)
    })
    expect(await evaluated('counts')).toEqual([
      {
        flag: 'new-menu',
        outcome: 'success',
        metadata: { value: true, variant: 'on', reason: 'STATIC', provider: 'in-memory' },
        count: 3,
      },
    ])
  })

  it('counts failures, with their code', async () => {
    await as('failures', () => client.getNumberValue('nowhere', 7))
    expect(await evaluated('failures')).toMatchObject([
      {
        flag: 'nowhere',
        outcome: 'failure',
        metadata: { value: 7, reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND', provider: 'in-memory' },
      },
    ])
  })

  it('keeps no value of arbitrary size', async () => {
    await as('sizes', async () => {
      await client.getStringValue('story', '')
      await client.getObjectValue('settings', {})
    })
    expect((await evaluated('sizes')).map(({ metadata }) => metadata)).toEqual(
      expect.arrayContaining([
        { variant: 'long', reason: 'STATIC', provider: 'in-memory' },
        { variant: 'all', reason: 'STATIC', provider: 'in-memory' },
      ]),
    )
  })

  it('leaves our own provider to itself: nothing is counted twice', async () => {
    await as('ours', () => ourClient.getBooleanValue('ours', false))
    const events = await evaluated('ours')
    expect(events).toHaveLength(1)
    expect(events[0]?.metadata).not.toHaveProperty('provider')
  })

  it.each([
    ['outside a tenant context', (ask: () => Promise<boolean>) => ask()],
    [
      "in another instance's context",
      (ask: () => Promise<boolean>) => other.run({ tenant: 'elsewhere', actor: { id: 'ada' } }, ask),
    ],
  ] as const)("writes nothing %s, and is in nobody's way", async (_, within) => {
    const errors: unknown[] = []
    client.setLogger({ error: (...told) => errors.push(told), warn() {}, info() {}, debug() {} })
    expect(await within(() => client.getBooleanValue('new-menu', false))).toBe(true)
    expect(errors).toEqual([])
    const { events } = await other.run({ tenant: 'elsewhere', actor: { id: 'ada' } }, () => other.audit.list())
    expect(events.filter(({ action }) => action === 'flag.evaluated')).toEqual([])
  })

  it('takes the tenant from the context alone', async () => {
    const context: EvaluationContext = { targetingKey: 'globex', org: { id: 'globex' }, tenant: 'globex' }
    await as('alone', () => client.getBooleanValue('new-menu', false, context))
    expect(await evaluated('alone')).toHaveLength(1)
    expect(await evaluated('globex')).toEqual([])
  })

  it('wants an instance', () => {
    for (const none of [undefined, null, {}]) {
      expect(() => throughlineHook(none as never)).toThrow('must be what createThroughline() returned.')
    }
  })

  it('is bounded, whatever a provider answers', async () => {
    const chatty: Provider = {
      metadata: { name: 'p'.repeat(1_000) },
      resolveBooleanEvaluation: async () => ({ value: true, variant: 'v'.repeat(1_000), reason: 'r'.repeat(1_000) }),
      resolveStringEvaluation: (_, value) => Promise.resolve({ value }),
      resolveNumberEvaluation: (_, value) => Promise.resolve({ value }),
      resolveObjectEvaluation: (_, value) => Promise.resolve({ value }),
    }
    await OpenFeature.setProviderAndWait('hook-test-chatty', chatty)
    const chattyClient = OpenFeature.getClient('hook-test-chatty').addHooks(hook)
    await as('chatty', () => chattyClient.getBooleanValue('k'.repeat(1_000), false))
    const [event] = await evaluated('chatty')
    expect(JSON.stringify(event).length).toBeLessThan(800)
    expect(event?.metadata).toMatchObject({ variant: 'v'.repeat(100), provider: 'p'.repeat(100) })
  })
})
