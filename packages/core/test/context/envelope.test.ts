import { describe, expect, it } from 'vitest'
import { currentContext, currentTenant, envelope } from '../../src/index.ts'
import { ada, operator, refusal, useInstance } from './bench.ts'

const throughline = useInstance()

/** What a queue makes of a message. */
const queued = (message: unknown): unknown => JSON.parse(JSON.stringify(message))
const sent = async (payload: unknown = { report: 7 }): Promise<Record<string, unknown>> =>
  queued(await throughline().run({ tenant: 'acme', actor: ada }, () => envelope(payload))) as Record<string, unknown>

describe('an envelope', () => {
  it('brings its payload into the context in which it was made', async () => {
    const [message, traceId] = await throughline().run({ tenant: 'acme', actor: { id: 'ada', name: 'Ada' } }, () => [
      queued(envelope({ report: 7 })),
      currentContext().traceId,
    ])
    const answer = await throughline().fromEnvelope(message, ({ report }: { report: number }) => {
      expect(currentContext()).toMatchObject({ tenant: { id: 'acme' }, actor: { id: 'ada', name: 'Ada' }, traceId })
      return report + 1
    })
    expect(answer).toBe(8)
  })

  it.each([[null], [0], [''], [false], [[1, 2]]])('may hold %j', async (payload) => {
    expect(await throughline().fromEnvelope(await sent(payload), (it) => it)).toEqual(payload)
  })

  it('is not made outside of a context, or of what JSON can not hold', async () => {
    expect((await refusal(() => envelope(1))).code).toBe('TENANT_REQUIRED')
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    for (const payload of [undefined, () => 1, 1n, cycle]) {
      const refused = throughline().run({ tenant: 'acme', actor: ada }, () => envelope(payload))
      await expect(refused).rejects.toMatchObject({ code: 'ENVELOPE_INVALID' })
    }
  })

  it('of another shape is refused, in words, before anything runs', async () => {
    const good = await sent()
    const cases: [unknown, string, RegExp][] = [
      [undefined, 'ENVELOPE_INVALID', /It is undefined/],
      [null, 'ENVELOPE_INVALID', /It is null/],
      [JSON.stringify(good), 'ENVELOPE_INVALID', /parse the JSON first/],
      [[], 'ENVELOPE_INVALID', /"v"/],
      [{ ...good, v: 2 }, 'ENVELOPE_INVALID', /"v"/],
      [{ v: 1, payload: 1 }, 'ENVELOPE_INVALID', /no "context"/],
      [{ v: 1, context: good.context }, 'ENVELOPE_INVALID', /no "payload"/],
      [Object.create(good), 'ENVELOPE_INVALID', /no "context"/],
      [{ ...good, context: null }, 'CAPTURE_INVALID', /captured/],
      [{ ...good, context: { v: 1, tenant: 'acme' } }, 'CAPTURE_INVALID', /captured/],
    ]
    for (const [message, code, words] of cases) {
      const refused = await refusal(() => throughline().fromEnvelope(message, () => expect.unreachable()))
      expect([refused.code, refused.message]).toEqual([code, expect.stringMatching(words)])
    }
  })

  it('only names a tenant: it has to exist and be active, and no open context is left for it', async () => {
    const good = await sent()
    const tampered = (tenant: string) => ({ ...good, context: { ...(good.context as object), tenant } })
    const opening = (message: unknown) => refusal(() => throughline().fromEnvelope(message, () => expect.unreachable()))
    for (const tenant of ['nobody', '$platform', '', '__proto__']) {
      expect((await opening(tampered(tenant))).code, tenant).toBe('TENANT_NOT_FOUND')
    }
    await throughline().run({ tenant: 'globex', actor: ada }, async () => {
      expect((await opening(good)).code).toBe('TENANT_SWITCH_REFUSED')
      expect(currentTenant().id).toBe('globex')
    })
    await throughline().platform.run(operator, (platform) => platform.tenants.suspend('acme'))
    expect((await opening(good)).code).toBe('TENANT_SUSPENDED')
  })
})
