import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createThroughline, currentTenant, quotaPerMonth } from '@throughline/core'
import type { RecordsStore } from '@throughline/core/storage'
import knex, { type Knex } from 'knex'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../test/until.ts'
import { scopedKnex } from '../src/index.ts'
import { type PostgresScratch, postgresScratch, service } from './postgres-scratch.ts'

const ANN = { id: 'ann' }

function openThroughline(records: RecordsStore) {
  return createThroughline({
    meters: { reports: { aggregate: 'sum' } },
    plans: { free: {}, capped: { quotas: { reports: quotaPerMonth(3, { hard: true }) } } },
    flags: { beta: { default: true } },
    tenants: { load: (id: string) => ({ id, plan: id === 'capped' ? 'capped' : 'free' }) },
    storage: { records },
    journal: { spill: false },
  })
}

describe.skipIf(!service.isReachable)('within a knex transaction', () => {
  let scratch: PostgresScratch
  let throughline: ReturnType<typeof openThroughline>
  let database: Knex

  beforeAll(async () => {
    scratch = await postgresScratch()
    database = scratch.app
    throughline = openThroughline(scratch.records)
    await throughline.ready()
    await scratch.query('CREATE TABLE reports (id text PRIMARY KEY, tenant_id text)')
  })

  beforeEach(async () => {
    await scratch.query('DELETE FROM reports')
  })

  afterAll(async () => {
    await throughline?.close()
    await scratch.destroy()
  })

  const as = <R>(tenant: string, fn: () => Promise<R>): Promise<R> => throughline.run({ tenant, actor: ANN }, fn)
  const report = async (trx: Knex, id: string): Promise<void> => {
    await trx.withSchema(scratch.schema).insert({ id }).into('reports')
    await throughline.usage.record('reports', 1)
    await throughline.audit.record({ action: 'report.made', targets: [{ type: 'report', id }] })
  }
  const reports = async (): Promise<string[]> =>
    (await scratch.query<{ id: string }>('SELECT id FROM reports ORDER BY id')).map(({ id }) => id)
  /** Of a tenant: which reports are on its trail, and how many were counted. */
  const recorded = (tenant: string): Promise<{ made: readonly string[]; counted: number }> =>
    as(tenant, async () => {
      const { events } = await throughline.audit.list({ action: 'report.made' })
      const { totals } = await throughline.usage.totals({ meter: 'reports' })
      return { made: events.map(({ targets }) => targets[0]?.id ?? '').sort(), counted: totals[0]?.quantity ?? 0 }
    })

  it('is recorded once with what the app wrote, when it is committed', async () => {
    await as('commits', async () => {
      const answer = await database.transaction((trx) =>
        throughline.within(trx, async () => {
          await report(trx, 'a')
          await report(trx, 'b')
          return 'answer'
        }),
      )
      expect(answer).toBe('answer')
      expect(await scratch.query("SELECT FROM throughline_timeline WHERE action = 'report.made'")).toHaveLength(2)
    })
    expect(await reports()).toEqual(['a', 'b'])
    expect(await recorded('commits')).toEqual({ made: ['a', 'b'], counted: 2 })
    expect(await recorded('commits')).toEqual({ made: ['a', 'b'], counted: 2 })
    expect(await scratch.query("SELECT FROM throughline_timeline WHERE action = 'report.made'")).toHaveLength(2)
    // It is no chain of its own, of which something would be remembered.
    expect(await scratch.query("SELECT FROM throughline_writers WHERE writer LIKE '%.t'")).toEqual([])
    expect(await scratch.query("SELECT FROM throughline_journal WHERE writer LIKE '%.t'")).toEqual([])
  })

  it('leaves nothing when it fails, or when the transaction is rolled back later', async () => {
    const failed = as('fails', () =>
      database.transaction((trx) =>
        throughline.within(trx, async () => {
          await report(trx, 'a')
          throw new Error('no')
        }),
      ),
    )
    await expect(failed).rejects.toThrow('no')
    const undone = as('fails', () =>
      database.transaction(async (trx) => {
        await throughline.within(trx, () => report(trx, 'b'))
        throw new Error('later')
      }),
    )
    await expect(undone).rejects.toThrow('later')
    await as('fails', async () => {
      const trx = await database.transaction()
      await throughline.within(trx, () => report(trx, 'c'))
      await trx.rollback()
    })
    expect(await reports()).toEqual([])
    expect(await recorded('fails')).toEqual({ made: [], counted: 0 })
  })

  it('is as the app’s rows are when the process is killed before the commit, and after it', {
    timeout: 60_000,
  }, async () => {
    const killed = async (when: string): Promise<void> => {
      const file = fileURLToPath(new URL('./joined-process.ts', import.meta.url))
      const child = spawn(process.execPath, ['--conditions=source', file, service.url, scratch.schema, when], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [said] = await once(child.stdout, 'data')
      expect(String(said)).toBe(`${when}\n`)
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    await Promise.all(['joined', 'committed'].map(killed))
    expect(await reports()).toEqual(['committed'])
    expect(await recorded('killed')).toEqual({ made: ['committed'], counted: 1 })
  })

  it('has flags and refusals on the context’s own record, whatever becomes of the transaction', async () => {
    await as('flags', async () => {
      const trx = await database.transaction()
      await throughline.within(trx, async () => {
        throughline.flags.isEnabled('beta')
        await report(trx, 'a')
      })
      await trx.rollback()
      await throughline.audit.record({ action: 'report.missed' })
    })
    const { events } = await as('flags', () => throughline.audit.list({}))
    expect(events.map(({ action }) => action)).toContain('flag.evaluated')
    expect(events.map(({ action }) => action)).toContain('report.missed')
    expect(events.map(({ action }) => action)).not.toContain('report.made')
  })

  it('is the record of the context in which it was called, and of no other that is opened inside', async () => {
    await as('outer', async () => {
      const trx = await database.transaction()
      await throughline.within(trx, async () => {
        await report(trx, 'outer')
        await throughline.run({ tenant: 'inside', actor: ANN, switch: true }, async () => {
          expect(currentTenant().id).toBe('inside')
          await throughline.usage.record('reports', 5)
        })
        await trx.transaction(async (savepoint) => {
          await throughline.within(savepoint, () => report(savepoint, 'inner'))
        })
        const undone = trx.transaction(async (savepoint) => {
          await throughline.within(savepoint, () => report(savepoint, 'undone'))
          throw new Error('no')
        })
        await expect(undone).rejects.toThrow('no')
      })
      await trx.commit()
    })
    expect(await reports()).toEqual(['inner', 'outer'])
    expect(await recorded('outer')).toEqual({ made: ['inner', 'outer'], counted: 2 })
    expect(await recorded('inside')).toEqual({ made: [], counted: 5 })
  })

  it('keeps tenants apart that do so at once', async () => {
    const tenants = Array.from({ length: 8 }, (_, i) => `tenant-${i}`)
    await Promise.all(
      tenants.map((tenant, i) =>
        as(tenant, () =>
          database.transaction((trx) =>
            throughline.within(trx, async () => {
              for (let nth = 0; nth <= i % 3; nth++) await report(trx, `${tenant}.${nth}`)
            }),
          ),
        ),
      ),
    )
    for (const [i, tenant] of tenants.entries()) {
      const made = Array.from({ length: (i % 3) + 1 }, (_, nth) => `${tenant}.${nth}`)
      expect(await recorded(tenant)).toEqual({ made, counted: made.length })
    }
    expect((await scratch.records.timeline({ tenant: '$platform', limit: 9 })).events).toEqual([])
  })

  it('takes units of a hard quota at once, bills them with the transaction, and gives them back when it fails', async () => {
    const used = async () =>
      Number((await scratch.query<{ used: string }>('SELECT used FROM throughline_quotas'))[0]?.used)
    await as('capped', () => database.transaction((trx) => throughline.within(trx, () => report(trx, 'a'))))
    expect(await used()).toBe(1)
    const failed = as('capped', () =>
      database.transaction((trx) =>
        throughline.within(trx, async () => {
          await report(trx, 'b')
          await report(trx, 'c')
          expect(await used()).toBe(3)
          await report(trx, 'd')
        }),
      ),
    )
    await expect(failed).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    expect(await used()).toBe(1)
    expect(await recorded('capped')).toEqual({ made: ['a'], counted: 1 })
  })

  it('counts a key once, in a transaction or not', async () => {
    await as('keyed', async () => {
      const record = () => throughline.usage.record('reports', 2, { key: 'run-42' })
      await database.transaction((trx) => throughline.within(trx, record))
      await record()
      await database.transaction((trx) => throughline.within(trx, record))
    })
    expect((await recorded('keyed')).counted).toBe(2)
  })

  it('holds nobody up while the transaction stays open', async () => {
    const trx = await database.transaction()
    await as('open', () => throughline.within(trx, () => report(trx, 'late')))
    await as('open', () => throughline.usage.record('reports', 7))
    const read = await as('open', () => throughline.usage.totals({ meter: 'reports' }))
    expect(read.behind).toBeUndefined()
    expect(read.totals[0]?.quantity).toBe(7)
    const emptied = async (slot: number): Promise<boolean> => {
      const [row] = await scratch.query<{ state: string }>('SELECT throughline_empty($1, 0) AS state', [slot])
      return row?.state === 'emptied'
    }
    for (const slot of [0, 1, 2]) await until(() => emptied(slot), { what: `partition ${slot} empty` })
    expect(await emptied(3)).toBe(false)
    await trx.commit()
    // Nothing else is appended: the commit itself is noticed.
    await until(async () => (await scratch.query('SELECT FROM throughline_journal')).length === 0)
    expect(await recorded('open')).toEqual({ made: ['late'], counted: 8 })
  })

  it('runs on a transaction of the scoped db too', async () => {
    const app = knex({ client: 'pg', connection: service.url, searchPath: [scratch.schema] })
    const db = scopedKnex(app, { tables: ['reports'] })
    await as('scoped', () =>
      db.transaction((trx) =>
        throughline.within(trx, async () => {
          await trx.insert({ id: 'a' }).into('reports')
          await throughline.audit.record({ action: 'report.made', targets: [{ type: 'report', id: 'a' }] })
        }),
      ),
    )
    await app.destroy()
    expect(await scratch.query('SELECT id, tenant_id FROM reports')).toEqual([{ id: 'a', tenant_id: 'scoped' }])
    expect((await recorded('scoped')).made).toEqual(['a'])
  })

  it('refuses what it can not join, and shows nothing of what was to be recorded', async () => {
    const record = () => throughline.audit.record({ action: 'report.made', metadata: { of: 'somebody' } })
    const refused = async (transaction: unknown): Promise<Error> =>
      as('refused', () => throughline.within(transaction as never, record)).then(
        () => new Error('It was not refused.'),
        (error: unknown) => error as Error,
      )
    expect(await refused(database)).toMatchObject({ code: 'WITHIN_UNSUPPORTED' })
    expect(await refused(undefined)).toMatchObject({ code: 'WITHIN_UNSUPPORTED' })
    const over = await database.transaction()
    await over.commit()
    expect((await refused(over)).message).toContain('is over')
    const file = knex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true })
    await file.transaction(async (trx) => expect((await refused(trx)).message).toContain('on Postgres'))
    await file.destroy()
    const elsewhere = new URL(service.url)
    elsewhere.pathname = elsewhere.pathname === '/postgres' ? '/template1' : '/postgres'
    const other = scratch.appAt(elsewhere.href)
    const trx = await other.transaction()
    const error = await refused(trx)
    expect(error).toMatchObject({ code: 'WITHIN_UNSUPPORTED', details: { postgres: '42P01' } })
    expect(`${error.message} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain('somebody')
    await trx.rollback()
    expect((await recorded('refused')).made).toEqual([])
  })
})
