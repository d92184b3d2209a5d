import { describe, expect, it } from 'vitest'
import type { ThroughlineHost } from '../../src/index.ts'
import { createThroughline, memoryStorage, perMinute } from '../../src/index.ts'
import { ada, operator, refusal, useInstance } from './bench.ts'

const throughline = useInstance()

describe('what a run leaves', () => {
  const actions = async (tenant?: string): Promise<readonly string[]> =>
    throughline().platform.run(operator, async (platform) => {
      const { events } = await platform.audit.list({ limit: 1_000, ...(tenant !== undefined && { tenant }) })
      return events.map(({ action }) => action)
    })

  it('is on its tenant’s trail once it resolves, also when it fails', async () => {
    await throughline().run({ tenant: 'acme', actor: ada }, () => throughline().flags.isEnabled('beta'))
    const boom = Object.assign(new Error('card 4242 refused'), { code: 'E_CARD' })
    await expect(throughline().run({ tenant: 'acme', actor: ada }, () => Promise.reject(boom))).rejects.toBe(boom)
    const { events } = await throughline().run({ tenant: 'acme', actor: ada }, () => throughline().audit.list())
    expect(events).toMatchObject([
      { action: 'error', outcome: 'failure', metadata: { name: 'Error', code: 'E_CARD' } },
      { action: 'run.completed', outcome: 'failure' },
      { action: 'flag.evaluated' },
      { action: 'run.completed', outcome: 'success' },
      { action: 'tenant.created' },
    ])
    expect(JSON.stringify(events)).not.toContain('4242')
    expect(await actions('globex')).toEqual(['tenant.created'])
  })

  it('of the operator is on his trail with the reason, and on that of the tenant it concerns', async () => {
    await throughline().platform.run({ actor: { id: 'olga' }, reason: 'TICKET-7' }, (platform) =>
      platform.limits.override('acme', 'api', perMinute(5)),
    )
    await throughline().platform.run(operator, async (platform) => {
      const own = await platform.audit.list({ actor: 'olga' })
      const theirs = await platform.audit.list({ tenant: 'acme', actor: 'olga' })
      for (const { events } of [own, theirs]) expect(events.map(({ action }) => action)).toContain('limit.overridden')
      for (const { events } of [own, theirs]) expect(JSON.stringify(events)).toContain('TICKET-7')
      expect((await platform.audit.list({ tenant: 'globex', actor: 'olga' })).events).toEqual([])
    })
    // Reading a trail is on record too.
    expect(await actions()).toContain('platform.read')
  })
})

describe('what the operator sets for one tenant', () => {
  it('can be looked at, with its end and its reason', async () => {
    const until = '2099-01-01'
    await throughline().platform.run({ actor: { id: 'olga' }, reason: 'TICKET-7' }, async ({ limits }) => {
      await limits.override('acme', 'api', perMinute(5), { until })
      expect(await limits.overrides('acme')).toEqual([
        { name: 'api', limit: perMinute(5), until: Date.parse(until), reason: 'TICKET-7' },
      ])
      await limits.override('acme', 'api', perMinute(6), { reason: 'a pilot' })
      expect(await limits.overrides('acme')).toEqual([{ name: 'api', limit: perMinute(6), reason: 'a pilot' }])
      expect(await limits.overrides('globex')).toEqual([])
      await limits.clearOverride('acme', 'api')
      expect(await limits.overrides('acme')).toEqual([])
      // @ts-expect-error a typo does not compile
      const unknown = await refusal(() => limits.override('acme', 'apis', perMinute(6)))
      // The operator's page asked for it: no failure of the server.
      expect(unknown).toMatchObject({ code: 'LIMIT_NOT_FOUND', status: 404, expose: true })
      for (const name of ['x'.repeat(1_000_000), null, undefined, 5] as never[]) {
        const { code, message } = await refusal(() => limits.clearOverride('acme', name))
        expect(code).toBe('LIMIT_NOT_FOUND')
        expect(message.length).toBeLessThan(300)
      }
    })
    // Who may not look is not told what there is.
    const { limits } = throughline().platform
    const apis = 'apis' as 'api'
    for (const call of [
      () => limits.clearOverride('acme', apis),
      () => limits.override('acme', apis, perMinute(6), { reason: 'a pilot' }),
    ]) {
      expect((await refusal(call)).code).toBe('PLATFORM_REASON_REQUIRED')
    }
  })

  it('is refused for a tenant that does not exist: it would hold for nobody', async () => {
    await throughline().platform.run(operator, async ({ limits, flags, audit }) => {
      for (const tenant of ['amce', '$platform', '']) {
        for (const call of [
          () => limits.override(tenant, 'api', perMinute(5)),
          () => limits.clearOverride(tenant, 'api'),
          () => flags.override(tenant, 'beta', false),
          () => flags.clearOverride(tenant, 'beta'),
        ]) {
          const error = await refusal(call)
          expect(error.code, tenant).toBe('TENANT_NOT_FOUND')
          expect(error.sentence).toBe(`No tenant has the id "${tenant}".`)
        }
      }
      expect((await audit.list({ tenant: 'amce' })).events).toEqual([])
    })
  })
})

describe('a run that is called wrongly', () => {
  type Call = (...given: unknown[]) => unknown
  const fn = (): void => undefined

  it.each<[string, unknown[], string]>([
    ['no parameters', [], 'run: it needs { tenant, actor }'],
    ['a tenant alone', ['acme', fn], 'run: it needs { tenant, actor }'],
    ['nothing for the tenant', [null, fn], 'run: it needs { tenant, actor }'],
    ['no tenant', [{ actor: ada }, fn], 'run: the tenant must be an id, a text, not undefined'],
    ['a number for the tenant', [{ tenant: 7, actor: ada }, fn], 'run: the tenant must be an id, a text, not 7'],
    ['a tenant for its id', [{ tenant: { id: 'acme' }, actor: ada }, fn], 'must be an id, a text, not an object'],
    ['no function', [{ tenant: 'acme', actor: ada }], 'run: the function to run is missing'],
  ])('%s: OPTIONS_INVALID, with a right call', async (_what, given, message) => {
    const error = await refusal(() => (throughline().run as Call)(...given))
    expect(error.code).toBe('OPTIONS_INVALID')
    expect(error.message).toContain(message)
    expect(error.message).toContain("throughline.run({ tenant: 'acme'")
  })

  it('no actor: ACTOR_REQUIRED; one of an unknown type: OPTIONS_INVALID that names the four', async () => {
    const run = throughline().run as Call
    expect((await refusal(() => run({ tenant: 'acme' }, fn))).code).toBe('ACTOR_REQUIRED')
    const error = await refusal(() => run({ tenant: 'acme', actor: { id: 'ada', type: 'admin' } }, fn))
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', status: 500 })
    expect(error.message).toContain('the actor\'s type is "admin"; it must be one of user, api_key, service, system')
    const near = await refusal(() => run({ tenant: 'acme', actor: { id: 'ada', type: 'apikey' } }, fn))
    expect(near.message).toContain('Did you mean "api_key"?')
  })

  it('of the operator: without a function, or by an actor of an unknown type', async () => {
    const run = throughline().platform.run as Call
    expect((await refusal(() => run(operator))).message).toContain('platform.run: the function to run is missing')
    const by = { actor: { id: 'olga', type: 'root' }, reason: 'TICKET-7' }
    expect((await refusal(() => run(by, fn))).message).toContain('one of user, api_key, service, system')
    expect((await refusal(() => run(undefined, fn))).code).toBe('PLATFORM_REASON_REQUIRED')
  })

  it('a capture or an envelope without a function', async () => {
    const { resume, fromEnvelope } = throughline() as unknown as Record<'resume' | 'fromEnvelope', Call>
    const context = { v: 1, tenant: 'acme', actor: ada, traceId: '1'.repeat(32) }
    expect((await refusal(() => resume(context))).message).toContain('throughline.resume(captured, fn)')
    const envelope = { v: 1, context, payload: 1 }
    expect((await refusal(() => fromEnvelope(envelope))).message).toContain('fromEnvelope: the function to run is')
  })
})

describe('close', () => {
  it('waits for open contexts, loses nothing, and answers CLOSED to what comes later', async () => {
    const storage = memoryStorage()
    const instance = createThroughline({
      meters: { reports: { aggregate: 'sum' } },
      storage,
      tenants: { load: (id) => ({ id }) },
    })
    let leave: () => void = () => undefined
    const inside = new Promise<void>((resolve) => {
      leave = resolve
    })
    let entered: () => void = () => undefined
    const open = new Promise<void>((resolve) => {
      entered = resolve
    })
    const job = instance.run({ tenant: 'acme', actor: ada }, async () => {
      entered()
      await inside
      await instance.usage.record('reports', 3)
    })
    await open
    const closing = instance.close()
    await expect(instance.run({ tenant: 'acme', actor: ada }, () => 1)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(instance.platform.run(operator, () => 1)).rejects.toMatchObject({ code: 'CLOSED' })
    leave()
    await Promise.all([job, closing])
    const page = await storage.records.timeline({ tenant: 'acme', limit: 10 })
    expect(page.events.map(({ action }) => action).sort()).toEqual(['run.completed', 'usage.recorded'])
    await instance.close()
    await expect(
      instance.resume({ v: 1, tenant: 'acme', actor: ada, traceId: 'a'.repeat(32) }, () => 1),
    ).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('of an instance that never started does not start it', async () => {
    const instance = createThroughline({ tenants: { load: (id) => ({ id }) } }) satisfies ThroughlineHost
    await instance.close()
    await expect(instance.run({ tenant: 'acme', actor: ada }, () => 1)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
