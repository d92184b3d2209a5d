import { resolve } from 'node:path'
import { createThroughline } from '@throughline/core'
import type { RecordsStore } from '@throughline/core/storage'
import { limitsContract } from '@throughline/core/testing'
import knex, { type Knex } from 'knex'
import ClientPglite from 'knex-pglite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../../test/until.ts'
import { knexStorage } from '../src/knex-storage.ts'
import { type KnexLimits, knexLimits } from '../src/limits/knex-limits.ts'
import { pgliteClientOf } from '../src/postgres/pglite.ts'
import { openPostgresAdmin } from '../src/postgres/postgres-admin.ts'
import { scopeKnex } from '../src/scoped-knex/scoped-knex.ts'
import { rate, take } from './limits-asked.ts'
import { dropSchema, newSchema, pgliteContract } from './pglite-contract.ts'
import { batchOf, openOptions } from './scratch-storage.ts'

const REQUEST = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 } as const

/** It takes seconds to start, so there is one for all. */
let app: Knex

beforeAll(async () => {
  app = knex({ client: ClientPglite, connection: {} })
  await app.raw('CREATE TABLE reports (tenant_id text NOT NULL, id integer)')
}, 120_000)

afterAll(() => app.destroy())

/** Records in a schema of their own, open. */
async function using(
  run: (records: RecordsStore, schema: string) => Promise<void>,
  answerWithinMs = 10_000,
): Promise<void> {
  const schema = newSchema()
  const { records } = knexStorage({ app, schema, answerWithinMs })
  try {
    await records.open(openOptions())
    await run(records, schema)
  } finally {
    await records.close()
    await dropSchema(app, schema)
  }
}

describe('records on PGlite', () => {
  // All of it in the long run: a schema takes its time here.
  for (const { name, run } of pgliteContract(() => app)) if (name.includes(': journal:')) it(name, run)

  it('waits for a transaction of the app, is no part of it, and says so when it takes too long', async () => {
    await using(async (records) => {
      await expect(
        app.transaction(async (trx) => {
          await trx('reports').insert({ tenant_id: 'acme', id: 1 })
          const late = records.append(batchOf('acme', 1))
          await expect(late).rejects.toMatchObject({
            code: 'RECORDS_UNAVAILABLE',
            message: expect.stringContaining('the app holds it'),
          })
          throw new Error('undo')
        }),
      ).rejects.toThrow('undo')
      expect((await records.backlog()).rows).toBe(0)

      let appended: Promise<void> | undefined
      await expect(
        app.transaction(async (trx) => {
          await trx('reports').insert({ tenant_id: 'acme', id: 1 })
          appended = records.append(batchOf('acme', 1))
          await trx('reports').insert({ tenant_id: 'acme', id: 2 })
          throw new Error('undo')
        }),
      ).rejects.toThrow('undo')
      await appended
      expect((await records.backlog()).rows).toBe(1)
      expect(await app('reports')).toEqual([])
    }, 300)
  })

  it('does nothing any more of a call that nobody waits for', async () => {
    const pglite = pgliteClientOf(app)?.pglite
    await using(async (records) => {
      await pglite?.transaction(async () => {
        await expect(records.append(batchOf('acme', 1))).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE' })
      })
      expect((await records.backlog()).rows).toBe(0)
      await records.append(batchOf('acme', 1))
      expect((await records.backlog()).rows).toBe(1)
    }, 300)
  })

  it('changes nothing of the app’s connection', async () => {
    const settings = ['search_path', 'statement_timeout', 'enable_seqscan', 'default_transaction_read_only']
    const look = () => Promise.all(settings.map(async (name) => (await app.raw(`SHOW ${name}`)).rows))
    const before = await look()
    await using(async (records) => {
      const commits = ['a', 'b', 'c'].map((key) => {
        const writes = [{ kind: 'config', tenant: 'acme', key, value: 1 }] as const
        return records.commit({ writer: 'w', lane: 0, writes, quotas: [], body: '[]' })
      })
      await Promise.all([...commits, records.append(batchOf('acme', 1)), records.project(REQUEST)])
      expect(await look()).toEqual(before)
    })
  })

  it('keeps who asks the PGlite itself out of our transactions, and its own of what is undone', async () => {
    const pglite = pgliteClientOf(app)?.pglite
    await using(async (records) => {
      for (let seq = 1; seq <= 20; seq++) {
        const bystander = pglite?.transaction(async (trx) => {
          await trx.exec(`INSERT INTO public.reports VALUES ('acme', ${seq})`)
          throw new Error('undo')
        })
        await Promise.all([records.append(batchOf('acme', seq)), expect(bystander).rejects.toThrow('undo')])
        await records.project(REQUEST)
      }
      expect((await records.timeline({ tenant: 'acme', limit: 99 })).events).toHaveLength(20)
      expect(await app('reports')).toEqual([])
    })
  })

  it('hears what is committed by another on the same PGlite, in its own schema', async () => {
    await using(async (records, schema) => {
      const heard: string[] = []
      const other = knexStorage({ app, schema }).records
      await other.open(openOptions())
      const stop = other.notices?.(() => heard.push('other'))
      await using(async (strangers) => {
        const stopped = strangers.notices?.(() => heard.push('stranger'))
        // Each is told once it listens.
        await until(() => heard.length === 2)
        const writes = [{ kind: 'config', tenant: 'acme', key: '', value: 1 }] as const
        await records.commit({ writer: 'w', lane: 0, writes, quotas: [], body: '[]' })
        await until(() => heard.length === 3)
        expect(heard[2]).toBe('other')
        stopped?.()
      })
      stop?.()
      await other.close()
    })
  })

  it('keeps any text, and reads a page of a trail only as far as it goes', async () => {
    await using(async (records) => {
      const odd = `a'"\\,{}\u0000\u001a NULL ✓`
      const writes = [{ kind: 'config', tenant: odd, key: odd, value: { odd } }] as const
      await records.commit({ writer: 'w', lane: 0, writes, quotas: [], body: '[]' })
      const { documents } = await records.read({ tenant: odd, kinds: ['config'] })
      expect(documents).toEqual([expect.objectContaining({ tenant: odd, key: odd, value: { odd } })])
      expect(await records.versions({ scopes: [odd, 'none'] })).toEqual([{ scope: odd, version: 1 }])
      for (let seq = 1; seq <= 70; seq++) {
        await records.append(batchOf('acme', seq))
        await records.project({ ...REQUEST, maxRows: 1 })
      }
      const page = await records.timeline({ tenant: 'acme', limit: 3 })
      expect(page.events.map((event) => event.seq)).toEqual([70, 69, 68])
      expect((await records.timeline({ tenant: 'acme', limit: 99 })).events).toHaveLength(70)
    })
  })

  it('bears a whole Throughline, and lets it go again', async () => {
    const schema = newSchema()
    const throughline = createThroughline({
      storage: knexStorage({ app, schema, answerWithinMs: 20_000 }),
      meters: { reports: { aggregate: 'sum' } },
      journal: { drainTimeout: 20_000 },
    })
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => {
      await throughline.usage.record('reports', 2, { key: 'run-1' })
      await throughline.audit.record({ action: 'report.shared' })
      const { events } = await throughline.audit.list({ action: 'report.shared' })
      expect(events).toMatchObject([{ action: 'report.shared', actor: { id: 'ada' } }])
      // In the app's own transaction, where nothing of ours has to wait for its end.
      const within = (id: number, end: () => void) =>
        app.transaction((trx) =>
          throughline.within(trx, async () => {
            await throughline.usage.record('reports', id)
            await trx('reports').insert({ tenant_id: 'acme', id })
            end()
          }),
        )
      await within(3, () => {})
      const undone = within(4, () => {
        throw new Error('undo')
      })
      await expect(undone).rejects.toThrow('undo')
      expect((await throughline.usage.totals()).totals).toMatchObject([{ meter: 'reports', quantity: 5 }])
      expect(await app('reports').pluck('id')).toEqual([3])
      await app('reports').del()
    })
    await throughline.close()
    const admin = await openPostgresAdmin({ app, schema, now: () => 0 })
    const kinds: string[] = []
    for await (const { kind } of admin.export('acme')) kinds.push(kind)
    expect(kinds).toEqual(expect.arrayContaining(['event', 'usage']))
    expect(await admin.drop()).toBe(true)
    await admin.close()
    expect((await app.raw('SELECT 1 FROM pg_namespace WHERE nspname = ?', [schema])).rows).toEqual([])
  })
})

describe('knexStorage on PGlite', () => {
  it('takes no other roles: there is one connection', () => {
    expect(() => knexStorage({ app, platform: app })).toThrow(/platform: it is an option on a Postgres server only/)
  })

  it('keeps what can not be appended apart by folder, and not at all for a database in memory', () => {
    const spillOf = (dataDir: string | undefined): string | undefined => {
      const pglite = { dataDir, transaction() {}, onNotification() {} }
      const client = { driverName: 'pg', pglite, config: { connection: {} } }
      return knexStorage({ app: Object.assign(() => {}, { client }) as unknown as Knex }).records.spillDirectory
    }
    const folder = spillOf('data/app')
    expect(folder).toMatch(/\.throughline[\\/][0-9a-f]{12}\.spill$/)
    expect(spillOf(`file://${resolve('data/app')}`)).toBe(folder)
    expect(spillOf('data/other')).not.toBe(folder)
    for (const memory of [undefined, '', 'memory://', 'idb://app']) expect(spillOf(memory)).toBeUndefined()
  })
})

describe('scopedKnex on PGlite', () => {
  it('reads and writes one tenant’s rows alone, in a transaction and outside of one', async () => {
    const of = (tenant: string) => scopeKnex(app, { tables: ['reports'] }, () => tenant)
    const [acme, globex] = [of('acme'), of('globex')]
    await acme('reports').insert([{ id: 1 }, { id: 2 }])
    await globex.transaction(async (trx) => {
      await trx('reports').insert({ id: 1 })
      expect(await trx('reports').where('id', 1).orWhere('id', 2).pluck('id')).toEqual([1])
    })
    expect(await globex('reports').update({ id: 9 })).toBe(1)
    expect(await acme('reports').orderBy('id').pluck('id')).toEqual([1, 2])
    await acme('reports').del()
    expect(await app('reports').select('tenant_id', 'id')).toEqual([{ tenant_id: 'globex', id: 9 }])
    await expect((async () => acme.raw('SELECT * FROM reports'))()).rejects.toMatchObject({ code: 'SCOPE_RAW_REFUSED' })
    await app('reports').del()
  })
})

describe('within on PGlite', () => {
  it('joins a transaction on the one connection there is', async () => {
    const schema = newSchema()
    const throughline = createThroughline({
      storage: knexStorage({ app, schema, answerWithinMs: 10_000 }),
      meters: { reports: { aggregate: 'count' } },
      journal: { spill: false },
    })
    try {
      await app.schema.createTable('joined_reports', (table) => void table.text('id').primary())
      const as = <R>(fn: () => Promise<R>): Promise<R> => throughline.run({ tenant: 'acme', actor: { id: 'ann' } }, fn)
      const create = (id: string): Promise<void> =>
        app.transaction((trx) =>
          throughline.within(trx, async () => {
            await trx('joined_reports').insert({ id })
            await throughline.usage.record('reports', 1)
          }),
        )
      await as(() => create('a'))
      await expect(as(() => create('a'))).rejects.toThrow(/unique/)
      const { totals } = await as(() => throughline.usage.totals())
      expect(totals).toEqual([{ meter: 'reports', quantity: 1, count: 1 }])
    } finally {
      await throughline.close()
      await app.schema.dropTable('joined_reports')
      await dropSchema(app, schema)
    }
  })
})

describe('limits on PGlite', () => {
  const schema = newSchema()
  let limits: KnexLimits

  beforeAll(async () => {
    limits = knexLimits({ app, schema, clock: 'caller', answerWithinMs: 10_000 })
    await limits.open()
  })

  afterAll(async () => {
    await limits?.close()
    await dropSchema(app, schema)
  })

  const create = async () => ({ limits, destroy: async () => {} })
  for (const { name, run } of limitsContract({ name: 'pglite', create })) it(name, run)

  it('wait for the app’s transaction, and say so when it takes too long', async () => {
    const hasty = knexLimits({ app, schema, clock: 'caller', answerWithinMs: 100 })
    await hasty.open()
    await app.transaction(async () => {
      await expect(take(hasty, rate('a'))).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE' })
    })
    expect(await take(limits, rate('a'))).toBe(1)
    await hasty.close()
  })
})
