import { join } from 'node:path'
import { createThroughline, defineCatalog } from '@throughline/core'
import { describe, expect, it } from 'vitest'
import { inPostgresDatabase } from './fixtures/postgres-schema.ts'
import { storageAt } from './fixtures/records-place.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { postgresService } from './services.ts'

const { url, isReachable } = await postgresService()
const operator = { actor: { id: 'olga' }, reason: 'TICKET-7' }
/** The one's key begins with the other's. */
const catalog = defineCatalog({ flags: { reports: { default: false }, 'reports-v2': { default: false } } })

describe.each([
  {
    storage: 'SQLite',
    isThere: true,
    at: (run: (place: string) => Promise<void>) =>
      inScratchDirectory((directory) => run(join(directory, 'records.db'))),
  },
  {
    storage: 'Postgres',
    isThere: isReachable,
    at: (run: (place: string) => Promise<void>) => inPostgresDatabase(url, ({ place }) => run(place)),
  },
])('flags in $storage', ({ isThere, at }) => {
  it.skipIf(!isThere)('keep their history, what is scheduled, and when they were served', async () => {
    await at(async (place) => {
      const first = createThroughline({ catalog, tenants: 'ours', storage: storageAt(place) })
      await first.platform.run(operator, async ({ flags, tenants }) => {
        await tenants.create({ id: 'acme' })
        for (let i = 0; i < 12; i++) await flags.patch('reports', { default: i % 2 === 0 })
        await flags.define('reports-v2', { default: true })
        await flags.rollback('reports', { to: 9 })
        await flags.archive('reports', { at: '2999-01-01' })
      })
      await first.run({ tenant: 'acme', actor: { id: 'ada' } }, () => first.flags.isEnabled('reports'))
      await first.close()

      const second = createThroughline({ catalog, tenants: 'ours', storage: storageAt(place) })
      await second.platform.run(operator, async ({ flags }) => {
        const history = await flags.history('reports')
        expect(history.map(({ version }) => version)).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
        expect(history[0]).toMatchObject({ status: 'scheduled', change: 'archived', at: '2999-01-01T00:00:00.000Z' })
        expect(history[1]).toMatchObject({ status: 'current', definition: { default: true } })
        expect(await flags.history('reports-v2')).toHaveLength(1)
        const report = await flags.report()
        expect(report.map(({ key, state, variants }) => [key, state, variants])).toEqual([
          ['reports', 'in_use', ['on']],
          ['reports-v2', 'never_evaluated', []],
        ])
        const { flips } = await flags.preview('reports', { archive: true })
        expect(flips.map(({ tenant, to }) => [tenant, to.reason])).toEqual([['acme', 'DISABLED']])
        await expect(flags.reset('reports', { expectedVersion: 13 })).rejects.toMatchObject({ code: 'FLAG_CONFLICT' })
      })
      await second.close()
    })
  })
})
