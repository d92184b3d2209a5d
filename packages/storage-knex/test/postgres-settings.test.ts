import { randomBytes } from 'node:crypto'
import knex from 'knex'
import { describe, expect, it } from 'vitest'
import { until } from '../../../test/until.ts'
import { knexLimits } from '../src/limits/knex-limits.ts'
import { failureOf } from '../src/postgres/failure.ts'
import { openPostgresAdmin } from '../src/postgres/postgres-admin.ts'
import type { PostgresRecords } from '../src/postgres/postgres-records.ts'
import { servingKey } from '../src/postgres/serving.ts'
import { type PostgresScratch, postgresScratch, service } from './postgres-scratch.ts'
import { batchOf, openOptions } from './scratch-storage.ts'

const CHECK = openOptions({ migrate: 'check' })
const REQUEST = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 } as const
const ONE_A_MINUTE = { kind: 'window', key: 'api', limit: 1, windowMs: 60_000, cost: 1 } as const
const LAST = "DELETE FROM throughline_migrations WHERE name = '006-definitions'"

interface Roles extends PostgresScratch {
  /** May log in, and nothing else. */
  readonly role: string
  readonly roleUrl: string
  /** The records, as the role uses them. */
  asRole(): PostgresRecords
  migrateAndGrant(): Promise<void>
}

/** A schema of the server's own role, and another role that uses it. */
async function withRole(run: (roles: Roles) => Promise<void>): Promise<void> {
  const scratch = await postgresScratch()
  const role = `tl_role_${randomBytes(6).toString('hex')}`
  await scratch.query(`CREATE ROLE ${role} LOGIN PASSWORD 'tl'`)
  const url = new URL(service.url)
  url.username = role
  url.password = 'tl'
  const asRole = () => scratch.another({ app: scratch.appAt(url.href) })
  const migrateAndGrant = async (): Promise<void> => {
    const admin = await openPostgresAdmin({ app: scratch.app, schema: scratch.schema, now: CHECK.now })
    await admin.migrate()
    await admin.grant({ app: role, platform: role })
    await admin.close()
  }
  try {
    await run({ ...scratch, role, roleUrl: url.href, asRole, migrateAndGrant })
  } finally {
    await scratch.query(`DROP OWNED BY ${role}`)
    await scratch.destroy()
    const last = await postgresScratch()
    await last.query(`DROP ROLE ${role}`)
    await last.destroy()
  }
}

describe.skipIf(!service.isReachable)('a role on Postgres', () => {
  it('that may make nothing is told what is missing, and that the owner makes it', async () => {
    await withRole(async ({ asRole, query, schema, migrateAndGrant }) => {
      const missing = expect.arrayContaining(['001-journal', '006-definitions'])
      const outdated = {
        code: 'STORAGE_SCHEMA_OUTDATED',
        details: { missing },
        remedy: expect.stringContaining('as the one that owns the schema'),
      }
      await expect(asRole().open(openOptions())).rejects.toMatchObject(outdated)
      expect(await query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])).toEqual([])
      await migrateAndGrant()
      await query(LAST)
      await expect(asRole().open(openOptions())).rejects.toMatchObject({
        ...outdated,
        details: { missing: ['006-definitions'] },
      })
    })
  })

  it('that may not use the schema is told so, and not that tables are missing', async () => {
    await withRole(async ({ asRole, role, roleUrl, schema, query, migrateAndGrant, appAt }) => {
      await migrateAndGrant()
      await query(`REVOKE USAGE ON SCHEMA ${schema} FROM ${role}`)
      const unusable = {
        code: 'OPTIONS_INVALID',
        sentence: expect.stringContaining(`"${role}" may not use the schema`),
      }
      for (const options of [openOptions(), CHECK]) await expect(asRole().open(options)).rejects.toMatchObject(unusable)
      const limits = knexLimits({ app: appAt(roleUrl), schema })
      for (const migrate of ['auto', 'check'] as const)
        await expect(limits.open({ migrate })).rejects.toMatchObject(unusable)
      await limits.close()
    })
  })

  it('that lacks a right on a table is told so, and who gives it', async () => {
    await withRole(async ({ asRole, role, roleUrl, schema, query, appAt, migrateAndGrant }) => {
      await migrateAndGrant()
      const records = asRole()
      await records.open(CHECK)
      await query(`REVOKE INSERT ON throughline_journal FROM ${role}`)
      await expect(records.append(batchOf('acme', 1))).rejects.toMatchObject({
        code: 'RECORDS_UNAVAILABLE',
        details: { postgres: '42501' },
        sentence: 'The role that uses the records lacks a right.',
        remedy: expect.stringContaining('--grant'),
      })
      const limits = knexLimits({ app: appAt(roleUrl), schema })
      await limits.open({ migrate: 'check' })
      await query(`REVOKE SELECT ON throughline_limits FROM ${role}`)
      const request = { group: 'acme', units: 1, mode: 'take', operations: [ONE_A_MINUTE] } as const
      await expect(limits.decide(request, CHECK.now())).rejects.toMatchObject({
        details: { postgres: '42501' },
        sentence: 'The limits database does not give this role the rights it needs.',
      })
      await limits.close()
    })
  })

  it('opens what is all there by `auto` too, though it may change nothing', async () => {
    await withRole(async ({ asRole, migrateAndGrant }) => {
      await migrateAndGrant()
      const records = asRole()
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      expect(await records.project(REQUEST)).toMatchObject({ records: 1 })
    })
  })

  it('may call our functions where not everybody may', async () => {
    await withRole(async ({ asRole, query, schema, migrateAndGrant }) => {
      await migrateAndGrant()
      await query(`REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} FROM PUBLIC`)
      const records = asRole()
      await records.open(CHECK)
      const writes = [{ kind: 'config', tenant: 'acme', key: '', value: 1 }] as const
      const change = { writer: 'w', lane: 0, writes, quotas: [], body: batchOf('acme', 1).body }
      expect(await records.commit(change)).toMatchObject({ status: 'committed' })
    })
  })

  it('may decide limits where the owner lets nobody call its functions', async () => {
    await withRole(async ({ role: owner, roleUrl: ownerUrl, query, appAt }) => {
      await query(`GRANT CREATE ON DATABASE ${new URL(ownerUrl).pathname.slice(1)} TO ${owner}`)
      await query(`ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC`)
      await withRole(async ({ roleUrl, schema }) => {
        const limits = knexLimits({ app: appAt(roleUrl), migrate: appAt(ownerUrl), schema })
        await limits.open()
        const request = { group: 'acme', units: 1, mode: 'take', operations: [ONE_A_MINUTE] } as const
        expect(await limits.decide(request, CHECK.now())).toMatchObject({ granted: 1 })
        await limits.close()
      })
    })
  })

  it('waits for a lock as long as a call may take, whatever the role’s own setting is', async () => {
    await withRole(async ({ asRole, role, query, stranger, migrateAndGrant }) => {
      await migrateAndGrant()
      await query(`ALTER ROLE ${role} SET lock_timeout = 1`)
      const records = asRole()
      await records.open(CHECK)
      const holder = await stranger()
      await holder.query('BEGIN; LOCK TABLE throughline_journal IN EXCLUSIVE MODE')
      const appending = records.append(batchOf('acme', 1))
      appending.catch(() => undefined)
      const waits = () =>
        query(
          `SELECT FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'
           AND query_start < clock_timestamp() - interval '20 ms'`,
          [role],
        )
      await until(async () => (await waits()).length > 0, { what: 'waiting for longer than the setting' })
      await holder.query('COMMIT')
      await appending
    })
  })

  it('keeps connections that have nothing to do, whatever the role’s own setting is', async () => {
    await withRole(async ({ asRole, role, query, migrateAndGrant }) => {
      await migrateAndGrant()
      await query(`ALTER ROLE ${role} SET idle_session_timeout = '200 ms'`)
      const records = asRole()
      await records.open(CHECK)
      records.notices(() => undefined)
      await records.append(batchOf('acme', 1))
      const idle = (condition: string) =>
        query(
          `SELECT FROM pg_stat_activity WHERE usename = $1 AND state = 'idle' AND query ${condition} 'LISTEN%'
           AND state_change < clock_timestamp() - interval '400 ms'`,
          [role],
        )
      for (const condition of ['LIKE', 'NOT LIKE'])
        await until(async () => (await idle(condition)).length > 0, { what: `idle for longer: ${condition}` })
    })
  })

  it('listens by one connection, however often it has to begin anew', async () => {
    await withRole(async ({ asRole, role, schema, query, stranger, migrateAndGrant }) => {
      await migrateAndGrant()
      await query(`ALTER ROLE ${role} SET lock_timeout = 1`)
      const records = asRole()
      await records.open(CHECK)
      const holder = await stranger()
      // Those that are open share the lock for as long as they are idle.
      await query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role])
      await holder.query(`SELECT pg_advisory_lock(${servingKey(schema)})`)
      records.notices(() => undefined)
      const listening = (condition: string) =>
        query<{ pid: number }>(
          `SELECT pid FROM pg_stat_activity WHERE usename = $1 AND query LIKE 'LISTEN%' AND ${condition}`,
          [role],
        )
      const waits = "wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '20 ms'"
      for (let attempt = 0; attempt < 3; attempt++) {
        const isOne = async () => (await listening(waits)).length === 1 && (await listening('true')).length === 1
        await until(isOne, { what: 'one connection that waits for longer than the setting' })
        await query(`SELECT pg_cancel_backend($1)`, [(await listening('true'))[0]?.pid])
      }
    })
  })

  it('has the same records where backslashes mean something else', async () => {
    await withRole(async ({ asRole, role, query, stranger, migrateAndGrant }) => {
      await query(`ALTER ROLE ${role} SET standard_conforming_strings = off`)
      await migrateAndGrant()
      const records = asRole()
      await records.open(CHECK)
      const body = batchOf('acme', 1).body.replace('"ann"', String.raw`"a\u0000\ud800b"`)
      await records.append({ ...batchOf('acme', 1), body })
      const reader = await stranger()
      await reader.query('SET standard_conforming_strings = off')
      const actors = async () => (await reader.query('SELECT actor_id FROM throughline_timeline')).rows
      expect(await actors()).toEqual([{ actor_id: 'a\u001a0\ufffdb' }])
      await records.project(REQUEST)
      expect(await actors()).toEqual([{ actor_id: 'a\u001a0\ufffdb' }])
    })
  })
})

describe.skipIf(!service.isReachable)('a database on Postgres', () => {
  it('that can not hold every character is refused before anything is made in it', async () => {
    const scratch = await postgresScratch()
    const database = `tl_latin_${randomBytes(6).toString('hex')}`
    await scratch.query(`CREATE DATABASE ${database} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`)
    const url = new URL(service.url)
    url.pathname = `/${database}`
    const app = knex({ client: 'pg', connection: url.href })
    const invalid = { code: 'OPTIONS_INVALID', sentence: expect.stringContaining('LATIN1') }
    try {
      const records = scratch.another({ app })
      await expect(records.open(openOptions())).rejects.toMatchObject(invalid)
      await records.close()
      await expect(openPostgresAdmin({ app, now: CHECK.now })).rejects.toMatchObject(invalid)
      expect((await app.raw(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tl_%'`)).rows).toEqual([])
    } finally {
      await app.destroy()
      await scratch.query(`DROP DATABASE ${database} WITH (FORCE)`)
      await scratch.destroy()
    }
  })

  it('whose disk is full is said to be, and not to be out of reach', () => {
    const failure = failureOf(Object.assign(new Error('could not extend file'), { code: '53100' }))
    expect(failure).toMatchObject({
      code: 'RECORDS_UNAVAILABLE',
      sentence: 'The disk of the records database is full.',
      details: { postgres: '53100' },
    })
  })

  it('that only reads for a while is said to, and is not kept to by connections when another takes its place', async () => {
    await withRole(async ({ asRole, role, query, migrateAndGrant }) => {
      await migrateAndGrant()
      await query(`ALTER ROLE ${role} SET default_transaction_read_only = on`)
      const only = { code: 'RECORDS_UNAVAILABLE', sentence: expect.stringContaining('only reads') }
      await expect(asRole().open(CHECK)).rejects.toMatchObject(only)
      await query(`ALTER ROLE ${role} RESET default_transaction_read_only`)
      const records = asRole()
      await records.open(CHECK)
      await records.append(batchOf('acme', 1))
      // As the server that was the first one comes back as a standby.
      await query(`ALTER ROLE ${role} SET default_transaction_read_only = on`)
      await query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role])
      await until(async () => {
        const failure = await records.append(batchOf('acme', 2)).catch((error: { details: object }) => error.details)
        return JSON.stringify(failure) === '{"postgres":"25006"}'
      })
      await query(`ALTER ROLE ${role} RESET default_transaction_read_only`)
      await records.append(batchOf('acme', 2))
      expect(await records.project(REQUEST)).toMatchObject({ records: 2 })
    })
  })
})
