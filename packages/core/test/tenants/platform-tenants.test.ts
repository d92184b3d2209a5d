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

it('what can not be kept as it is given is no tenant', async () => {
  const given: unknown[] = [
    null,
    undefined,
    'acme',
    { id: 'acme', attributes: 'eu' },
    { id: 'acme', attributes: ['eu'] },
  ]
  for (const tenant of [...given, { id: 'acme', attributes: { seats: 7n } }]) {
    const created = operating((tenants) => tenants.create(tenant as { id: string }))
    await expect(created).rejects.toMatchObject({ code: 'TENANT_INVALID' })
  }
  expect(await operating((tenants) => tenants.get('acme'))).toBeUndefined()
  await operating((tenants) => tenants.create({ id: 'acme' }))
  const updated = operating((tenants) => tenants.update('acme', { seats: 7n } as never))
  await expect(updated).rejects.toMatchObject({ code: 'TENANT_INVALID' })
})

it('a list that is asked for what is no page is refused, rather than empty', async () => {
  for (const id of ['acme', 'globex', 'initech']) await operating((tenants) => tenants.create({ id }))
  const listed = async (page?: object) => (await operating((tenants) => tenants.list(page))).map(({ id }) => id)
  expect(await listed()).toEqual(['acme', 'globex', 'initech'])
  expect(await listed({ limit: 2 })).toEqual(['acme', 'globex'])
  expect(await listed({ limit: 5_000, after: 'acme' })).toEqual(['globex', 'initech'])
  for (const page of [{ limit: 'x' }, { limit: Number.NaN }, { limit: 0 }, { after: 7 }, { offset: 2 }, null, 7]) {
    await expect(listed(page as object)).rejects.toMatchObject({ code: 'QUERY_INVALID' })
  }
})

it('what is changed of a tenant at once is all there, and on its trail one after the other', async () => {
  await operating((tenants) => tenants.create({ id: 'acme', plan: 'free' }))
  await operating((tenants) =>
    Promise.all([
      tenants.update('acme', { seats: 7 }),
      tenants.update('acme', { region: 'eu' }),
      tenants.changePlan('acme', 'pro'),
      tenants.suspend('acme'),
    ]),
  )
  const attributes = { seats: 7, region: 'eu' }
  expect(await operating((tenants) => tenants.get('acme'))).toMatchObject({
    plan: 'pro',
    status: 'suspended',
    attributes,
  })
  const { events } = await throughline.platform.run(operator, ({ audit }) => audit.list({ tenant: 'acme' }))
  expect(events.map(({ action }) => action).toSorted()).toEqual([
    'tenant.created',
    'tenant.plan_changed',
    'tenant.suspended',
    'tenant.updated',
    'tenant.updated',
  ])
})

it('a tenant is renamed by an update, and its trail says from what to what', async () => {
  await operating((tenants) => tenants.create({ id: 'acme', name: 'Acme', plan: 'pro', attributes: { region: 'eu' } }))
  expect(await operating((tenants) => tenants.update('acme', { name: 'Acme Ltd', seats: 7 }))).toMatchObject({
    name: 'Acme Ltd',
    plan: 'pro',
    attributes: { region: 'eu', seats: 7 },
  })
  const renamed = await operating((tenants) => tenants.get('acme'))
  expect(renamed).toMatchObject({ name: 'Acme Ltd' })
  expect(renamed?.attributes).toEqual({ region: 'eu', seats: 7 })
  expect(await operating((tenants) => tenants.update('acme', { seats: 8 }))).toMatchObject({ name: 'Acme Ltd' })
  expect(await operating((tenants) => tenants.update('acme', { name: null }))).not.toHaveProperty('name')
  const { events } = await throughline.platform.run(operator, ({ audit }) =>
    audit.list({ tenant: 'acme', action: 'tenant.updated' }),
  )
  expect(events.map(({ metadata }) => metadata)).toEqual([
    { reason: 'TICKET-7', attributes: [], name: { before: 'Acme Ltd', after: null } },
    { reason: 'TICKET-7', attributes: ['seats'] },
    { reason: 'TICKET-7', attributes: ['seats'], name: { before: 'Acme', after: 'Acme Ltd' } },
  ])
  for (const name of [7, 'x'.repeat(201)] as string[]) {
    const refusal = { code: 'TENANT_INVALID', message: expect.stringContaining('"name"') }
    await expect(operating((tenants) => tenants.update('acme', { name }))).rejects.toMatchObject(refusal)
    await expect(operating((tenants) => tenants.create({ id: 'globex', name }))).rejects.toMatchObject(refusal)
  }
})

it('an update says what changes that which is no attribute', async () => {
  await operating((tenants) => tenants.create({ id: 'acme', plan: 'free' }))
  const cases = [
    [{ plan: 'pro' }, 'changePlan'],
    [{ status: 'suspended' }, 'suspend'],
    [{ attributes: { seats: 7 } }, 'as they are'],
    [{ id: 'globex' }, 'keeps its id'],
    [{ createdAt: '2026-01-01' }, 'creation'],
  ] as const
  for (const [changes, sentence] of cases) {
    const updated = operating((tenants) => tenants.update('acme', changes as never))
    await expect(updated).rejects.toMatchObject({
      code: 'TENANT_INVALID',
      message: expect.stringContaining(sentence),
    })
  }
  // @ts-expect-error A plan is no attribute.
  await expect(operating((tenants) => tenants.update('acme', { plan: 'pro' }))).rejects.toThrow()
  expect(await operating((tenants) => tenants.get('acme'))).toMatchObject({ plan: 'free', attributes: {} })
})

it('an update keeps what it is given nothing for, and takes nothing but an object', async () => {
  await operating((tenants) => tenants.create({ id: 'acme', name: 'Acme', attributes: { region: 'eu', seats: 3 } }))
  const update = (changes: unknown) => operating((tenants) => tenants.update('acme', changes as never))
  await update({ region: undefined, name: undefined, plan: undefined, seats: 4 })
  const updated = await operating((tenants) => tenants.get('acme'))
  expect(updated).toMatchObject({ name: 'Acme' })
  expect(updated?.attributes).toEqual({ region: 'eu', seats: 4 })
  for (const changes of [undefined, null, 'eu', ['eu']]) {
    const message = expect.stringContaining('must be an object')
    await expect(update(changes)).rejects.toMatchObject({ code: 'TENANT_INVALID', message })
  }
})
