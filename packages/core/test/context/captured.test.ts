import { describe, expect, it } from 'vitest'
import { capture, createThroughline, currentContext, currentTenant } from '../../src/index.ts'
import { ada, catalog, operator, refusal, useInstance } from './bench.ts'

const throughline = useInstance()

describe('a captured context', () => {
  it('is JSON, and goes on elsewhere with tenant, actor and trace', async () => {
    const other = createThroughline({ catalog, tenants: { load: (id) => ({ id, plan: 'free' }) } })
    try {
      const [captured, traceId] = await throughline().run({ tenant: 'acme', actor: { id: 'ada', name: 'Ada' } }, () => [
        JSON.parse(JSON.stringify(capture())),
        currentContext().traceId,
      ])
      for (const instance of [throughline(), other]) {
        await instance.resume(captured, () => {
          expect(currentContext()).toMatchObject({ actor: { id: 'ada', name: 'Ada' }, traceId })
          expect(currentTenant().id).toBe('acme')
        })
      }
    } finally {
      await other.close()
    }
  })

  it('that is none, or names what can be no tenant, is refused', async () => {
    const good = { v: 1, tenant: 'acme', actor: { id: 'ada' }, traceId: 'a'.repeat(32) }
    const forged: unknown[] = [
      null,
      undefined,
      'acme',
      7,
      [],
      {},
      { ...good, v: 2 },
      { ...good, tenant: undefined },
      { ...good, tenant: { id: 'acme' } },
      { ...good, traceId: 'x' },
      { ...good, traceId: `${'a'.repeat(32)}","tenant":"globex` },
      { ...good, actor: undefined },
      { ...good, actor: 'ada' },
      { ...good, actor: { id: 7 } },
      { ...good, actor: { id: 'ada', type: 'root' } },
    ]
    for (const capture of forged) {
      const refused = throughline().resume(capture as never, () => undefined)
      await expect(refused, JSON.stringify(capture)).rejects.toMatchObject({ code: 'CAPTURE_INVALID' })
    }
    for (const tenant of ['$platform', '', 'nobody', '__proto__']) {
      const refused = throughline().resume({ ...good, tenant } as never, () => undefined)
      await expect(refused, tenant).rejects.toMatchObject({ code: 'TENANT_NOT_FOUND' })
    }
    await expect(throughline().resume({ ...good, actor: { id: '' } } as never, () => 1)).rejects.toMatchObject({
      code: 'ACTOR_REQUIRED',
    })
    await throughline().resume({ ...good, actor: { id: 'ada', admin: true } } as never, () => {
      expect(currentContext().actor).toEqual({ id: 'ada', type: 'user' })
    })
  })

  it('of a tenant that was suspended meanwhile does not go on', async () => {
    const captured = await throughline().run({ tenant: 'acme', actor: ada }, () => capture())
    await throughline().platform.run(operator, (platform) => platform.tenants.suspend('acme'))
    await expect(throughline().resume(captured, () => 1)).rejects.toMatchObject({ code: 'TENANT_SUSPENDED' })
  })

  it('does not switch the tenant of an open context', async () => {
    const captured = await throughline().run({ tenant: 'acme', actor: ada }, () => capture())
    await throughline().run({ tenant: 'globex', actor: ada }, async () => {
      expect((await refusal(() => throughline().resume(captured, () => 1))).code).toBe('TENANT_SWITCH_REFUSED')
    })
  })
})
