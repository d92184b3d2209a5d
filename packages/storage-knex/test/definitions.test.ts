import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { postgres, sqlite } from '../src/dialect.ts'
import { allMigrations } from '../src/migrations/migrations.ts'
import { openPostgresAdmin } from '../src/postgres/postgres-admin.ts'
import { openSqliteAdmin } from '../src/sqlite/sqlite-admin.ts'
import { inProcessThread } from './in-process-thread.ts'
import { postgresScratch, service } from './postgres-scratch.ts'
import { batchOf, openOptions, scratchStorage } from './scratch-storage.ts'

const { now } = openOptions()
const EARLIER = `DELETE FROM throughline_migrations WHERE name = '006-definitions'`
const LATER = `INSERT INTO throughline_migrations (name, feature, phase, applied_at) VALUES ('999-definitions', 'records', 'expand', 0)`

describe('functions and views', () => {
  it('have a text that is known by the name of the last migration which replaces them', () => {
    const printed = (name: string, texts: readonly string[]): string =>
      `${name} ${createHash('sha256').update(texts.join(';')).digest('hex').slice(0, 12)}`
    const last = (dialect: typeof postgres): string => {
      const names = allMigrations(dialect).filter(({ name }) => name.endsWith('-definitions'))
      const { name, statements } = names.at(-1) as (typeof names)[number]
      return printed(name, statements)
    }
    const limits = allMigrations(postgres).find(({ name }) => name === '005-limits')
    expect({
      // Another text? Then schemas that are there already must get it: add a name to DEFINITIONS, and say both here.
      postgres: last(postgres),
      sqlite: last(sqlite),
      // Another text? The release before it goes on calling a routine: give it another name, in another migration.
      limits: printed('005-limits', limits?.statements ?? []),
    }).toEqual({
      postgres: '006-definitions 08ab39c14bdd',
      sqlite: '006-definitions 9453c3d07320',
      limits: '005-limits ba69ad702a95',
    })
  })

  it('are replaced in a file of an earlier release, once, and left to a later one', async () => {
    const { records, filename, stranger, destroy } = await scratchStorage({ start: inProcessThread() })
    try {
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      await records.close()
      const events = (): unknown => stranger().prepare('SELECT count(*) AS n FROM throughline_timeline').get()
      const earlier = 'DROP VIEW throughline_timeline; CREATE VIEW throughline_timeline AS SELECT 1 AS one WHERE false'
      stranger().exec(`${earlier}; ${EARLIER}`)
      expect(events()).toEqual({ n: 0 })
      const admin = await openSqliteAdmin({ filename, now })
      expect(admin.status().missing).toEqual(['006-definitions'])
      expect(admin.migrate()).toEqual(['006-definitions'])
      expect(admin.migrate()).toEqual([])
      expect(events()).toEqual({ n: 1 })
      stranger().exec(`${earlier}; ${LATER}`)
      expect(admin.migrate()).toEqual([])
      expect(events()).toEqual({ n: 0 })
      admin.close()
    } finally {
      await destroy()
    }
  })
})

describe.skipIf(!service.isReachable)('functions and the view on Postgres', () => {
  const OLD_FUNCTION = `CREATE OR REPLACE FUNCTION throughline_json(body text) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT '[]'::json $$`

  it('are replaced in a schema of an earlier release by one of those that open it, beside readers, with their grants and options', async () => {
    const scratch = await postgresScratch()
    const { query, another, stranger } = scratch
    try {
      const first = another()
      await first.open(openOptions())
      await first.append(batchOf('acme', 1))
      await query(`${OLD_FUNCTION}; GRANT SELECT ON throughline_timeline TO PUBLIC; ${EARLIER}`)
      await query('ALTER VIEW throughline_timeline SET (security_barrier = true)')
      await query('CREATE VIEW of_the_app AS SELECT tenant_id FROM throughline_timeline')
      const events = async (): Promise<number> => (await query('SELECT FROM of_the_app')).length
      expect(await events()).toBe(0)
      await expect(another().open(openOptions({ migrate: 'check' }))).rejects.toMatchObject({
        code: 'STORAGE_SCHEMA_OUTDATED',
        details: { missing: ['006-definitions'] },
        remedy: 'Run `npx throughline migrate`.',
      })
      const reader = await stranger()
      await reader.query('BEGIN; SELECT FROM throughline_timeline')
      const opening = Promise.all([1, 2, 3, 4].map(() => another().open(openOptions())))
      await first.append(batchOf('acme', 2))
      await reader.query('COMMIT')
      await opening
      expect(await events()).toBe(2)
      expect(
        await query(`SELECT proparallel AS p FROM pg_proc WHERE oid = 'throughline_json(text)'::regprocedure`),
      ).toEqual([{ p: 'u' }])
      expect(await query(`SELECT has_table_privilege('public', 'throughline_timeline', 'SELECT') AS may`)).toEqual([
        { may: true },
      ])
      expect(
        await query(`SELECT reloptions AS how FROM pg_class WHERE oid = 'throughline_timeline'::regclass`),
      ).toEqual([{ how: ['security_barrier=true'] }])
      // One of an earlier release goes on with what is there.
      await query(`${OLD_FUNCTION}; ${LATER}`)
      await another().open(openOptions())
      await another().open(openOptions({ migrate: 'check' }))
      expect(await events()).toBe(0)
    } finally {
      await query('DROP VIEW IF EXISTS of_the_app')
      await scratch.destroy()
    }
  })

  it('are brought up to date by an admin', async () => {
    const scratch = await postgresScratch()
    const admin = await openPostgresAdmin({ app: scratch.app, schema: scratch.schema, now })
    try {
      await admin.migrate()
      await scratch.query(EARLIER)
      expect((await admin.status()).missing).toEqual(['006-definitions'])
      expect(await admin.migrate()).toEqual(['006-definitions'])
      expect((await admin.status()).missing).toEqual([])
    } finally {
      await admin.close()
      await scratch.destroy()
    }
  })
})
