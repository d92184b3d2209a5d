import type { EvaluationContext } from '@openfeature/server-sdk'
import { AsyncLocalStorageTransactionContextPropagator, OpenFeature } from '@openfeature/server-sdk'
import { createThroughline } from '@throughline/core'
import { throughlineProvider } from '@throughline/openfeature'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const tenants = { acme: { id: 'acme', plan: 'free' }, globex: { id: 'globex', plan: 'enterprise' } }
const throughline = createThroughline({
  tenants: { load: (id) => Object.values(tenants).find((tenant) => tenant.id === id) },
  plans: { free: {}, enterprise: {} },
  flags: {
    theirs: {
      rules: [
        { id: 'by-plan', if: { 'org.plan': 'enterprise' }, serve: true },
        { id: 'by-id', if: { 'org.id': 'globex' }, serve: true },
        { id: 'by-role', if: { 'actor.id': 'root' }, serve: true },
      ],
      default: false,
    },
    beta: { rules: [{ id: 'asked', if: { 'context.beta': true }, serve: true }], default: false },
    drawn: { rules: [{ rollout: { percent: 100, by: 'actor' }, serve: true }], default: false },
    list: { variants: { short: ['a'], none: null }, rules: [], default: 'short' },
    nothing: { variants: { none: null, one: 1 }, rules: [], default: 'none' },
  },
})
const provider = throughlineProvider(throughline)
const client = OpenFeature.getClient('provider-test')
const as = <R>(tenant: string, fn: () => Promise<R> | R) => throughline.run({ tenant, actor: { id: 'ada' } }, fn)

beforeAll(() => OpenFeature.setProviderAndWait('provider-test', provider))
afterEach(() => {
  OpenFeature.setContext({})
  client.setContext({}).clearHooks()
})
afterAll(async () => {
  await OpenFeature.clearProviders()
  await throughline.close()
})

describe('the provider', () => {
  it('says what it is', () => {
    expect(provider.metadata).toEqual({ name: 'throughline' })
    expect(provider.runsOn).toBe('server')
  })

  it('wants an instance with flags', async () => {
    const without = createThroughline({})
    // @ts-expect-error There are no flags on the type either.
    expect(() => throughlineProvider(without)).toThrow('The instance has no flags to provide.')
    expect(() => throughlineProvider(undefined as never)).toThrow('The instance has no flags to provide.')
    await without.close()
  })

  it.each([
    [{ onTrackingErr: () => undefined }, 'onTrackingErr is not known: there is onTrackingError.'],
    [{ onTrackingError: 'log' }, 'onTrackingError must be a function.'],
    [null, 'options must be an object.'],
    [console.error, 'options must be an object.'],
  ])('refuses options %j', (options, words) => {
    expect(() => throughlineProvider(throughline, options as never)).toThrow(words)
  })

  it('names the version of a definition that was made at run time', async () => {
    const changed = createThroughline({ tenants: 'ours', flags: { menu: { default: false } } })
    await changed.platform.run({ actor: { id: 'olga' }, reason: 'test' }, async ({ tenants: ours, flags }) => {
      await ours.create({ id: 'acme' })
      await flags.define('menu', { default: true })
    })
    const provider = throughlineProvider(changed)
    const details = await changed.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
      provider.resolveBooleanEvaluation('menu', false, {}, console),
    )
    expect(details).toEqual({ value: true, variant: 'on', reason: 'STATIC', flagMetadata: { version: '1' } })
    await changed.close()
  })

  it('answers for the tenant of the open context, and names the rule', async () => {
    const details = await as('globex', () => client.getBooleanDetails('theirs', false))
    expect(details).toEqual({
      flagKey: 'theirs',
      value: true,
      variant: 'on',
      reason: 'TARGETING_MATCH',
      flagMetadata: { rule: 'by-plan' },
    })
    expect(await as('acme', () => client.getBooleanDetails('theirs', true))).toMatchObject({ value: false })
  })

  it.each([true, false])('answers with the default outside a tenant context: %s', async (fallback) => {
    expect(await client.getBooleanDetails('theirs', fallback)).toMatchObject({
      value: fallback,
      reason: 'ERROR',
      errorCode: 'INVALID_CONTEXT',
      errorMessage: expect.stringContaining('no tenant context is open'),
    })
  })

  it("answers with the default in a context of another instance's", async () => {
    const other = createThroughline({ flags: { theirs: { rules: [], default: true } } })
    const details = await other.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
      client.getBooleanDetails('theirs', false),
    )
    expect(details).toMatchObject({ value: false, errorCode: 'INVALID_CONTEXT' })
    await other.close()
  })

  it('never throws, whatever breaks', async () => {
    const broken = throughlineProvider({
      ready: async () => undefined,
      flags: {
        watch: () => () => undefined,
        evaluate: () => {
          throw new TypeError('broken')
        },
      },
    })
    const logger = { error() {}, warn() {}, info() {}, debug() {} }
    expect(await broken.resolveStringEvaluation('any', 'kept', {}, logger)).toEqual({
      value: 'kept',
      reason: 'ERROR',
      errorCode: 'GENERAL',
      errorMessage: 'broken',
    })
  })

  it('says that there is nobody to draw by', async () => {
    const ask = () => client.getBooleanDetails('drawn', true)
    expect(await as('acme', ask)).toMatchObject({ value: true, reason: 'SPLIT' })
    const anonymous = { tenant: 'acme', actor: { id: 'anonymous' } }
    expect(await throughline.run(anonymous, ask)).toMatchObject({
      value: true,
      reason: 'ERROR',
      errorCode: 'TARGETING_KEY_MISSING',
    })
  })

  it('says that a rule could not be evaluated', async () => {
    const context = {
      get beta(): boolean {
        throw new Error('unreadable')
      },
    }
    const ask = () => provider.resolveBooleanEvaluation('beta', true, context, console)
    expect(await as('acme', ask)).toMatchObject({ value: true, reason: 'ERROR', errorCode: 'GENERAL' })
  })

  it('takes a list for an object, and null for none', async () => {
    await as('acme', async () => {
      expect(await client.getObjectDetails('list', {})).toMatchObject({ value: ['a'], reason: 'STATIC' })
      expect(await client.getObjectDetails('nothing', { kept: true })).toMatchObject({
        value: { kept: true },
        errorCode: 'TYPE_MISMATCH',
      })
    })
  })

  it.each(['constructor', '__proto__', 'toString', ''])('knows no flag "%s"', async (key) => {
    expect(await as('acme', () => client.getBooleanDetails(key, true))).toMatchObject({
      value: true,
      errorCode: 'FLAG_NOT_FOUND',
    })
  })
})

describe('the tenant', () => {
  const attempts: Readonly<Record<string, EvaluationContext>> = {
    'a targeting key': { targetingKey: 'globex' },
    'an organization': { org: { id: 'globex', plan: 'enterprise' } },
    'paths of one': { 'org.id': 'globex', 'org.plan': 'enterprise' },
    'other names for it': { tenant: 'globex', tenantId: 'globex', organization: 'globex', plan: 'enterprise' },
    'an actor': { actor: { id: 'root' }, 'actor.id': 'root', user: 'root' },
    'a prototype': JSON.parse('{"__proto__": {"org": {"id": "globex"}, "org.plan": "enterprise"}}'),
    'what a context is made of': { context: { org: { plan: 'enterprise' } }, 'context.org.plan': 'enterprise' },
  }
  const levels: Readonly<Record<string, (context: EvaluationContext) => Promise<boolean>>> = {
    global(context) {
      OpenFeature.setContext(context)
      return client.getBooleanValue('theirs', false)
    },
    transaction(context) {
      OpenFeature.setTransactionContextPropagator(new AsyncLocalStorageTransactionContextPropagator())
      return new Promise((resolve, reject) =>
        OpenFeature.setTransactionContext(context, () => {
          client.getBooleanValue('theirs', false).then(resolve, reject)
        }),
      )
    },
    client: (context) => client.setContext(context).getBooleanValue('theirs', false),
    invocation: (context) => client.getBooleanValue('theirs', false, context),
    hook: (context) => client.addHooks({ before: () => context }).getBooleanValue('theirs', false),
  }
  const cases = Object.keys(levels).flatMap((level) =>
    Object.keys(attempts).map((attempt) => [level, attempt] as const),
  )

  it.each(cases)('is not changed at the %s level by %s', async (level, attempt) => {
    const ask = levels[level]
    const context = attempts[attempt]
    if (!ask || !context) throw new Error('There is no such case.')
    expect(await as('acme', () => ask(context))).toBe(false)
  })

  it('is the one on whose trail it is counted', async () => {
    const counted = (tenant: string) =>
      as(tenant, async () => {
        const { events } = await throughline.audit.list({ action: 'flag.evaluated', limit: 500 })
        return events.filter(({ targets }) => targets[0]?.id === 'beta').length
      })
    const before = await counted('acme')
    await as('acme', () => client.getBooleanValue('beta', false, { targetingKey: 'globex', org: { id: 'globex' } }))
    expect(await counted('acme')).toBe(before + 1)
    expect(await counted('globex')).toBe(0)
  })

  it('adds to it what callers know', async () => {
    const asked = await as('acme', () => client.getBooleanDetails('beta', false, { beta: true }))
    expect(asked).toMatchObject({ value: true, reason: 'TARGETING_MATCH', flagMetadata: { rule: 'asked' } })
  })
})
