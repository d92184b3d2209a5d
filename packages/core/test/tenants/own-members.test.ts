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
})
