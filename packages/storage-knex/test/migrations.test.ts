import { describe, expect, it } from 'vitest'
import { openSqliteAdmin } from '../src/sqlite/sqlite-admin.ts'
import { inProcessThread } from './in-process-thread.ts'
import { openOptions, type ScratchStorage, scratchStorage, sqliteRecords } from './scratch-storage.ts'

const now = () => 1_762_000_000_000

async function using(run: (scratch: ScratchStorage) => Promise<void>): Promise<void> {
  const scratch = await scratchStorage({ start: inProcessThread() })
  try {
    await run(scratch)
  } finally {
    await scratch.destroy()
  }
}

describe('migrations', () => {
  it('are refused by `check` until they were applied, by name', async () => {
    await using(async ({ records, filename }) => {
      await expect(
        records.open(openOptions({ migrate: 'check', kinds: ['config'], usage: false })),
      ).rejects.toMatchObject({
        code: 'STORAGE_SCHEMA_OUTDATED',
        details: { missing: ['001-journal', '002-trail', '004-config', '006-definitions'] },
      })
      const admin = await openSqliteAdmin({ filename, now })
      expect(admin.status().backlog).toBeUndefined()
      expect(admin.migrate(['records', 'config'])).toEqual([
        '001-journal',
        '002-trail',
        '004-config',
        '006-definitions',
      ])
      expect(admin.migrate()).toEqual([])
      const { migrations, backlog } = admin.status()
      expect(migrations.filter((migration) => migration.appliedAt !== undefined)).toHaveLength(4)
      expect(migrations.find((migration) => migration.name === '003-usage')).toEqual({
        name: '003-usage',
        feature: 'usage',
        phase: 'expand',
      })
      expect(backlog).toEqual({ rows: 0, newest: 0, oldest: 0, ageMs: 0, lanes: [] })
      admin.close()
      await records.open(openOptions({ migrate: 'check', kinds: ['config'], usage: false }))
    })
  })

  it('add what an engine needs when it comes, and leave a newer release’s alone', async () => {
    await using(async ({ records, filename, stranger }) => {
      await records.open(openOptions({ kinds: [], usage: false }))
      stranger().exec("INSERT INTO throughline_migrations VALUES ('999-later', 'records', 'expand', 0)")
      const grown = sqliteRecords({ filename, start: inProcessThread() })
      await grown.open(openOptions({ kinds: ['config'], usage: true }))
      await grown.commit({
        writer: 'w',
        lane: 0,
        writes: [{ kind: 'config', tenant: 'acme', key: '', value: 1 }],
        quotas: [],
        body: '[]',
      })
      await grown.close()
      // The older process projects what the newer one counts.
      const usage = {
        id: 'r',
        tenant: 'acme',
        at: 0,
        actor: { type: 'user', id: 'u' },
        events: [{ action: 'usage.recorded', targets: [{ type: 'meter', id: 'm' }], metadata: { quantity: 3 } }],
      }
      await records.append({ writer: 'w', seq: 1, lane: 0, body: JSON.stringify([usage]) })
      await records.project({ lane: 0, holder: 'p', leaseMs: 0, maxRows: 9 })
      expect(await records.usage({ tenant: 'acme', from: 0, to: 1 })).toEqual([{ meter: 'm', quantity: 3, count: 1 }])
    })
  })

  it('are applied once when several processes open a new file at the same time', async () => {
    await using(async ({ records, filename }) => {
      const others = Array.from({ length: 2 }, () => sqliteRecords({ filename }))
      await Promise.all([records, ...others].map((one) => one.open(openOptions())))
      await Promise.all(others.map((one) => one.close()))
      const admin = await openSqliteAdmin({ filename, now })
      expect(admin.migrate()).toEqual([])
      admin.close()
    })
  })

  it('make everything in a new file when nobody says what for, and let tenants be joined by plan', async () => {
    await using(async ({ records, filename, stranger }) => {
      const admin = await openSqliteAdmin({ filename, now })
      expect(admin.migrate()).toHaveLength(11)
      admin.close()
      await records.open(openOptions({ migrate: 'check' }))
      const value = { plan: 'free', status: 'active', attributes: {} }
      await records.commit({
        writer: 'w',
        lane: 0,
        writes: [{ kind: 'tenants', tenant: 'acme', key: '', value }],
        quotas: [],
        body: '[]',
      })
      expect(stranger().prepare('SELECT tenant_id, plan, status FROM throughline_tenants').all()).toEqual([
        { tenant_id: 'acme', plan: 'free', status: 'active' },
      ])
    })
  })
})
