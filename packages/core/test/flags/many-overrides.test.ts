import { createThroughline } from '@throughline/core'
import { memoryStorage } from '@throughline/core/storage'
import { expect, it } from 'vitest'

it('of 100,000 tenants with an override each gets its own, and the others what the rules say', async () => {
  const storage = memoryStorage()
  const app = createThroughline({
    storage,
    tenants: { load: (id) => ({ id }) },
    flags: { menu: { variants: { old: 'old', new: 'new', test: 'test' }, default: 'old' } },
  })
  await app.platform.run({ actor: { id: 'olga' }, reason: 'test' }, ({ flags }) => flags.override('t0', 'menu', 'new'))
  const writes = Array.from({ length: 100_000 }, (_, i) => ({
    kind: 'flag_overrides' as const,
    tenant: `t${i}`,
    key: 'menu',
    value: { value: i % 2 === 0 ? 'new' : 'test' },
  }))
  await storage.records.commit({ writer: 'w', lane: 0, writes, quotas: [], body: '[]' })
  // How many documents a tenant's snapshot is made of.
  let read = 0
  const { records } = storage
  const plain = records.read.bind(records)
  records.read = async (query) => {
    const found = await plain(query)
    if (query.tenant.startsWith('t')) read = Math.max(read, found.documents.length)
    return found
  }
  const menuOf = (tenant: string) => app.run({ tenant, actor: { id: 'ada' } }, () => app.flags.evaluate('menu'))
  expect(await menuOf('t0')).toMatchObject({ value: 'new', rule: 'override' })
  expect(await menuOf('t99999')).toMatchObject({ value: 'test', rule: 'override' })
  expect(await menuOf('t100000')).toMatchObject({ value: 'old', reason: 'STATIC' })
  expect(read).toBe(1)
  await app.close()
})
