import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createThroughline } from '../../src/index.ts'
import { HOST } from '../../src/instance.ts'
import { ourMembership } from '../../src/tenants/members.ts'
import type { ActorType } from '../../src/vocabulary.ts'

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

describe('a member', () => {
  const asked = async (id: string, type: ActorType) => throughline[HOST].isMember('ours', { id, type }, 'acme')
  const trail = async () => {
    const { events } = await inside(() => throughline.audit.list())
    return events.filter(({ action }) => action.startsWith('member.')).map(({ action, metadata }) => [action, metadata])
  }

  it('is a user unless said: who has another type is another one, whatever its id', async () => {
    await inside(() => throughline.members.add('7', { roles: ['admin'] }))
    expect(await asked('7', 'user')).toMatchObject({ member: true })
    for (const type of ['api_key', 'service', 'system'] as const) {
      expect(await asked('7', type)).toEqual({ member: false })
    }
    await inside(() => throughline.members.add('ci', { type: 'service', roles: ['bot'] }))
    expect(await asked('ci', 'service')).toEqual({ member: true, roles: ['bot'] })
    expect(await asked('ci', 'user')).toEqual({ member: false })
    expect(await inside(() => throughline.members.list())).toMatchObject([
      { id: '7', type: 'user' },
      { id: 'ci', type: 'service' },
    ])
  })

  it('keeps its type', async () => {
    await inside(() => throughline.members.add('ci', { type: 'service' }))
    const other = inside(() => throughline.members.add('ci', { type: 'api_key' }))
    await expect(other).rejects.toThrow(/TENANT_INVALID: "ci" is a member already, as service/)
    expect(await inside(() => throughline.members.add('ci', { roles: ['bot'] }))).toMatchObject({ type: 'service' })
    expect(await asked('ci', 'service')).toMatchObject({ roles: ['bot'] })
    expect(await trail()).toEqual([
      ['member.roles_changed', { before: [], after: ['bot'] }],
      ['member.added', { roles: [], type: 'service' }],
    ])
  })

  it('is added once and removed once, however many do it at a time', async () => {
    await inside(() => Promise.all(['a', 'b'].map((role) => throughline.members.add('eve', { roles: [role] }))))
    const [{ roles: [last] = [] } = {}] = await inside(() => throughline.members.list())
    const first = last === 'a' ? 'b' : 'a'
    const removed = await inside(() => Promise.all([1, 2].map(() => throughline.members.remove('eve'))))
    expect(removed.toSorted()).toEqual([false, true])
    expect(await trail()).toEqual([
      ['member.removed', { roles: [last] }],
      ['member.roles_changed', { before: [first], after: [last] }],
      ['member.added', { roles: [first] }],
    ])
  })

  it('is not taken for what it was not meant to be', async () => {
    for (const options of [{ role: ['admin'] }, { type: 'admin' }, { roles: 'admin' }, null, 'admin'] as never[]) {
      const added = inside(() => throughline.members.add('eve', options))
      await expect(added).rejects.toMatchObject({ code: 'TENANT_INVALID' })
    }
    await expect(inside(() => throughline.members.add('\ud800'))).rejects.toMatchObject({ code: 'TENANT_INVALID' })
    // A database would look for what it is in UTF-8.
    const isMember = ourMembership({ read: () => expect.fail('looked for') })
    expect(await isMember({ id: '\ud800', type: 'user' }, 'acme')).toBe(false)
    const listed = inside(() => throughline.members.list({ limit: 'all' as never }))
    await expect(listed).rejects.toMatchObject({ code: 'QUERY_INVALID' })
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
