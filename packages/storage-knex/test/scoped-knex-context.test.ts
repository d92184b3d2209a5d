import { createThroughline } from '@throughline/core'
import { afterEach, expect, test } from 'vitest'
import { scopedKnex } from '../src/scoped-knex/index.ts'
import { database } from './scoped-knex-fixture.ts'

const cleanUp: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of cleanUp.splice(0)) await close()
})

async function open() {
  const plain = await database(['acme', 'globex'])
  const throughline = createThroughline({ tenants: { load: (id) => ({ id }) } })
  cleanUp.push(
    () => throughline.close(),
    () => plain.destroy(),
  )
  return { throughline, db: scopedKnex(plain, { tables: ['reports', 'projects'] }) }
}

test('the tenant is the context’s', async () => {
  const { throughline, db } = await open()
  const titles = (tenant: string): Promise<string[]> =>
    throughline.run({ tenant, actor: { type: 'service', id: 'test' } }, async () => {
      const first = await db('reports').pluck('title')
      return [...first, ...(await db.transaction((trx) => trx('projects').pluck('name')))]
    })
  const [acme, globex] = await Promise.all([titles('acme'), titles('globex')])
  expect(acme.filter((title) => title.startsWith('ACME'))).toHaveLength(7)
  expect(globex.filter((title) => title.startsWith('GLOBEX'))).toHaveLength(9)
  expect([acme.length, globex.length]).toEqual([7, 9])
  expect(() => db('reports')).toThrowError(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
})

test('`unscoped` is the platform’s', async () => {
  const { throughline, db } = await open()
  const rows = await throughline.platform.run({ actor: { id: 'operator' }, reason: 'TICKET-7' }, async () => {
    expect(() => db('reports')).toThrowError(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
    return db.unscoped('count all reports')('reports').count({ n: '*' })
  })
  expect(rows).toEqual([{ n: 10 }])
  const refused = expect.objectContaining({ code: 'PLATFORM_REASON_REQUIRED' })
  expect(() => db.unscoped('why')).toThrowError(refused)
  await throughline.run({ tenant: 'acme', actor: { id: 'a' } }, async () => {
    expect(() => db.unscoped('why')).toThrowError(refused)
  })
})
