import { afterEach, beforeEach, expect, it } from 'vitest'
import { createThroughline } from '../../src/index.ts'

const open = () => createThroughline({ tenants: 'ours', plans: { free: {}, pro: {} } })
const operator = { actor: { id: 'olga' }, reason: 'TICKET-7' }

let throughline: ReturnType<typeof open>
beforeEach(() => {
  throughline = open()
})
afterEach(() => throughline.close())

type Tenants = typeof throughline.platform.tenants
const operating = <R>(fn: (tenants: Tenants) => Promise<R>): Promise<R> =>
  throughline.platform.run(operator, ({ tenants }) => fn(tenants))

it('a tenant keeps its plan unless it is given another one that there is', async () => {
  await operating((tenants) => tenants.create({ id: 'acme', plan: 'pro' }))
  for (const plan of ['prp', undefined, null, 7, ['free']] as never[]) {
    const changed = operating((tenants) => tenants.changePlan('acme', plan))
    await expect(changed).rejects.toMatchObject({ code: 'PLAN_UNKNOWN', status: 400 })
  }
  await expect(operating((tenants) => tenants.changePlan('acme', 'prp' as 'pro'))).rejects.toThrow('mean "pro"?')
  await expect(operating((tenants) => tenants.create({ id: 'globex', plan: null as never }))).rejects.toMatchObject({
    code: 'PLAN_UNKNOWN',
  })
  expect(await operating((tenants) => tenants.get('acme'))).toMatchObject({ plan: 'pro' })
  expect(await operating((tenants) => tenants.create({ id: 'initech' }))).not.toHaveProperty('plan')
})

it('what a tenant has nothing of is refused, rather than lost', async () => {
  const created = operating((tenants) => tenants.create({ id: 'acme', pln: 'pro' } as { id: string }))
  await expect(created).rejects.toMatchObject({
    code: 'TENANT_INVALID',
    sentence: '"pln" is nothing that a tenant has. Did you mean "plan"?',
    remedy: expect.stringContaining('attributes'),
  })
  expect(await operating((tenants) => tenants.get('acme'))).toBeUndefined()
})
