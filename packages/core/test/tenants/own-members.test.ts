import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createThroughline } from '../../src/index.ts'
import { HOST } from '../../src/instance.ts'

const now = 1_770_000_000_000
const open = () => createThroughline({ tenants: 'ours', clock: { now: () => now } })
const operator = { actor: { id: 'operator' }, reason: 'test' }

let throughline: ReturnType<typeof open>

beforeEach(async () => {
  throughline = open()
  await throughline.platform.run(operator, (platform) => platform.tenants.create({ id: 'acme' }))
})
afterEach(() => throughline.close())

const inside = <R>(fn: () => Promise<R>): Promise<R> =>
  throughline.run({ tenant: 'acme', actor: { id: 'ada', type: 'service' } }, fn)
const eve = async () => throughline[HOST].isMember('ours', { id: 'eve', type: 'user' }, 'acme')

describe('a change of members, in the process that made it', () => {
  it('counts at once, whatever was known of them', async () => {
    expect(await eve()).toEqual({ member: false })
    await inside(() => throughline.members.add('eve', { roles: ['admin'] }))
    expect(await eve()).toEqual({ member: true, roles: ['admin'] })
    await inside(() => throughline.members.remove('eve'))
    expect(await eve()).toEqual({ member: false })
  })

  it('is of a member that can be: what is no id was nobody', async () => {
    for (const id of [undefined, null, '', 7, 'x'.repeat(201)] as never[]) {
      for (const change of [() => throughline.members.add(id), () => throughline.members.remove(id)]) {
        await expect(inside<unknown>(change)).rejects.toMatchObject({ code: 'TENANT_INVALID' })
      }
    }
    const { events } = await inside(() => throughline.audit.list({ action: ['member.added', 'member.removed'] }))
    expect(events).toEqual([])
  })

  it('is what was handed in, whatever becomes of the list', async () => {
    const roles = ['viewer']
    const added = inside(() => {
      const adding = throughline.members.add('eve', { roles })
      roles.push('admin')
      return adding
    })
    expect(await added).toMatchObject({ id: 'eve', roles: ['viewer'] })
    expect(await eve()).toEqual({ member: true, roles: ['viewer'] })
  })
})

describe('tenants that are created with one object', () => {
  it('are answered each by its own id', async () => {
    const row = { id: '' }
    const created = await throughline.platform.run(operator, ({ tenants }) =>
      Promise.all(
        ['globex', 'initech'].map((id) => {
          row.id = id
          return tenants.create(row)
        }),
      ),
    )
    expect(created.map(({ id }) => id)).toEqual(['globex', 'initech'])
  })
})
