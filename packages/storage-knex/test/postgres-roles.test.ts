import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { describe, expect, it } from 'vitest'
import { openPostgresAdmin } from '../src/postgres/postgres-admin.ts'
import { postgresScratch, service } from './postgres-scratch.ts'
import { batchOf, openOptions } from './scratch-storage.ts'

const REQUEST = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 } as const

describe.skipIf(!service.isReachable)('roles on Postgres', () => {
  it('let the app do all that it does, and read of the journal no record, nor write what is projected', async () => {
    const scratch = await postgresScratch()
    const { query, appAt, another, schema } = scratch
    const id = randomBytes(6).toString('hex')
    const roles = [`tl_app_${id}`, `tl_worker_${id}`]
    const all = [...roles, `tl_other_${id}`]
    try {
      for (const role of all) await query(`CREATE ROLE ${role} LOGIN PASSWORD 'tl'`)
      const [app, platform] = roles.map((role) => {
        const url = new URL(service.url)
        url.username = role
        url.password = 'tl'
        return appAt(url.href)
      })
      if (!app || !platform) throw new Error('There are no roles.')
      const records = another({ app, platform, migrate: scratch.app })
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      await records.append(batchOf('acme', 2))
      const writes = [{ kind: 'config', tenant: 'acme', key: '', value: 1 }] as const
      const quotas = [{ tenant: 'acme', meter: 'm', period: '2026-11', delta: 1, limit: 5, seed: { from: 0, to: 0 } }]
      const change = { writer: 'w', lane: 0, writes, quotas, body: batchOf('acme', 1, 'x').body }
      expect(await records.commit(change)).toMatchObject({ status: 'committed' })
      expect((await records.backlog()).rows).toBe(3)
      expect(await records.project(REQUEST)).toMatchObject({ records: 3 })
      expect((await records.timeline({ tenant: 'acme', limit: 9 })).events).toHaveLength(3)
      expect((await records.timeline({ tenant: 'acme', actions: ['x.y'], from: 1, limit: 9 })).events).toEqual([])
      expect((await records.read({ tenant: 'acme', kinds: ['config'] })).documents).toHaveLength(1)
      expect(await records.versions({ since: 0 })).toHaveLength(1)
      expect(await records.usage({ tenant: 'acme', from: 0, to: 1 })).toEqual([])
      await records.append(batchOf('acme', 3))
      for (const statement of [
        'SELECT body FROM throughline_journal',
        'DELETE FROM throughline_journal',
        'UPDATE throughline_journal SET seq = seq',
        'SELECT seq FROM throughline_journal_0',
        'INSERT INTO throughline_journal_0 SELECT * FROM throughline_journal_0',
        'TRUNCATE throughline_journal_0',
        'SELECT * FROM throughline_secret',
        'UPDATE throughline_trail SET hash = hash',
        'INSERT INTO throughline_heads SELECT * FROM throughline_heads',
        'SELECT * FROM throughline_timeline',
      ]) {
        const asked = app.raw(statement.replace(/throughline_/g, `${schema}.throughline_`))
        await expect(asked, statement).rejects.toThrow(/permission denied/)
      }
      const within = (knex: Knex): Promise<void> =>
        knex.transaction((trx) => records.appendWithin(trx, batchOf('acme', 1, 'one.t')))
      await within(app)
      const stranger = new URL(service.url)
      stranger.username = `tl_other_${id}`
      stranger.password = 'tl'
      await expect(within(appAt(stranger.href))).rejects.toMatchObject({
        code: 'WITHIN_UNSUPPORTED',
        details: { postgres: '42501' },
      })
      const rights = await query<{ app: boolean; platform: boolean }>(
        `SELECT has_table_privilege($1, t.relid, 'TRUNCATE') AS app, has_table_privilege($2, t.relid, 'TRUNCATE') AS platform
         FROM pg_partition_tree('throughline_journal') AS t WHERE t.isleaf`,
        roles,
      )
      expect(rights).toEqual([0, 1, 2, 3].map(() => ({ app: false, platform: true })))
      await records.close()
      // The next process finds all as it is, and as the app's role it may only look.
      const checked = another({ app, platform })
      await checked.open(openOptions({ migrate: 'check' }))
      expect(await checked.project(REQUEST)).toMatchObject({ records: 2 })
      await checked.close()
      await Promise.all([app.destroy(), platform.destroy()])
    } finally {
      for (const role of all) await query(`DROP OWNED BY ${role}; DROP ROLE ${role}`).catch(() => undefined)
      await scratch.destroy()
    }
  })

  it('give a role nothing of what else is in the schema', async () => {
    const scratch = await postgresScratch()
    const { query, schema } = scratch
    const id = randomBytes(6).toString('hex')
    const roles = { app: `tl_app_${id}`, platform: `tl_worker_${id}` }
    const admin = await openPostgresAdmin({ app: scratch.app, schema, now: openOptions().now })
    try {
      for (const role of Object.values(roles)) await query(`CREATE ROLE ${role}`)
      await admin.migrate()
      await query(`CREATE TABLE ${schema}.payroll (salary int)`)
      await admin.grant(roles)
      const rights = await query<{ payroll: boolean; journal: boolean; view: boolean }>(
        `SELECT has_table_privilege(r, 'payroll', 'SELECT, INSERT, UPDATE, DELETE') AS payroll,
           has_table_privilege(r, 'throughline_journal', 'DELETE') AS journal,
           has_table_privilege(r, 'throughline_timeline', 'SELECT') AS view
         FROM unnest($1::text[]) AS r`,
        [[roles.app, roles.platform]],
      )
      expect(rights).toEqual([
        { payroll: false, journal: false, view: false },
        { payroll: false, journal: true, view: true },
      ])
    } finally {
      await admin.close()
      for (const role of Object.values(roles)) await query(`DROP OWNED BY ${role}; DROP ROLE ${role}`).catch(() => {})
      await scratch.destroy()
    }
  })
})
