import type { CommitResult } from '@throughline/core/storage'
import { segmentHash } from '@throughline/core/storage'
import { storageContract } from '@throughline/core/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { type PostgresScratch, postgresScratch, SharedSchema, service } from './postgres-scratch.ts'
import { batchOf, openOptions } from './scratch-storage.ts'

const REQUEST = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 } as const

const shared = new SharedSchema()

async function using(
  run: (scratch: PostgresScratch) => Promise<void>,
  options: Parameters<typeof postgresScratch>[0] = { shared },
): Promise<void> {
  const scratch = await postgresScratch(options)
  try {
    await run(scratch)
  } finally {
    await scratch.destroy()
  }
}

describe.skipIf(!service.isReachable)('PostgresRecords', () => {
  afterAll(() => shared.drop())

  for (const { name, run } of storageContract({
    name: 'postgres',
    async create() {
      const scratch = await postgresScratch({ shared })
      return {
        storage: { records: scratch.records },
        destroy: () => scratch.destroy(),
        async forge() {
          await scratch.query(`UPDATE throughline_journal SET body = replace(body, 'request.handled', 'request.forged')
            WHERE id = (SELECT max(id) FROM throughline_journal)`)
        },
      }
    },
  })) {
    it(name, run)
  }

  it('appends a batch, and commits a change with its record, by one statement', async () => {
    const statements: string[] = []
    await using(
      async ({ records }) => {
        await records.open(openOptions())
        statements.length = 0
        await records.append(batchOf('acme', 1))
        await records.append(batchOf('acme', 2))
        expect(statements).toHaveLength(2)
        const writes = [{ kind: 'config', tenant: 'acme', key: '', value: 1 }] as const
        const quotas = [{ tenant: 'acme', meter: 'm', period: '2026-11', delta: 1, limit: 5, seed: { from: 0, to: 0 } }]
        const body = batchOf('acme', 1, 'x').body
        expect(await records.commit({ writer: 'w', lane: 0, writes, quotas, body })).toMatchObject({ used: [1] })
        expect(statements).toHaveLength(3)
      },
      { shared, onStatement: (sql) => statements.push(sql) },
    )
  })

  it('commits changes that come together in one transaction, each wholly or not at all', async () => {
    const statements: string[] = []
    await using(
      async ({ records, query }) => {
        await records.open(openOptions())
        statements.length = 0
        const commit = (i: number, limit: number): Promise<CommitResult> => {
          const quotas = [{ tenant: 'acme', meter: 'm', period: '2026-11', delta: 1, limit, seed: { from: 0, to: 0 } }]
          return records.commit({ writer: 'w', lane: 0, writes: [], quotas, body: batchOf('acme', i, 'x').body })
        }
        const results = await Promise.all(Array.from({ length: 12 }, (_, i) => commit(i, i === 5 ? 0 : 100)))
        expect(results.map(({ status }) => status)).toEqual(results.map((_, i) => (i === 5 ? 'refused' : 'committed')))
        // The first ones up to the refusal, then those that had to be sealed anew.
        expect(statements).toHaveLength(2)
        const rows = await query<{ seq: string }>('SELECT seq FROM throughline_journal ORDER BY id')
        expect(rows.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 11 }, (_, i) => i + 1))
        expect(await records.project(REQUEST)).toMatchObject({ records: 11 })
        expect((await records.timeline({ tenant: '$platform', limit: 9 })).events).toEqual([])
      },
      { shared, onStatement: (sql, thread) => thread === 'writer' && statements.push(sql) },
    )
  })

  it('commits what came together with a change that the server can not take', async () => {
    await using(async ({ records }) => {
      await records.open(openOptions())
      const commit = (delta: number) => {
        const quotas = [{ tenant: 'acme', meter: 'm', period: '2026-11', delta, seed: { from: 0, to: 0 } }]
        return records.commit({ writer: 'w', lane: 0, writes: [], quotas, body: batchOf('acme', delta, 'x').body })
      }
      const results = await Promise.allSettled([commit(1), commit(0.5), commit(2)])
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      const value: unknown[] = []
      value.push(value)
      const writes = [{ kind: 'config', tenant: 'acme', key: '', value: value as never }] as const
      const circular = records.commit({ writer: 'w', lane: 0, writes, quotas: [], body: '[]' })
      await expect(Promise.all([commit(3), circular])).rejects.toThrow(/circular/)
      expect(await commit(4)).toMatchObject({ used: [10] })
      expect(await records.project(REQUEST)).toMatchObject({ records: 4 })
      expect((await records.timeline({ tenant: '$platform', limit: 9 })).events).toEqual([])
    })
  })

  it('answers a page of the timeline by one SELECT, however many segments it reads', async () => {
    const statements: string[] = []
    await using(
      async ({ records, query }) => {
        await records.open(openOptions())
        for (let seq = 1; seq <= 60; seq++) {
          await records.append(batchOf('acme', seq))
          await records.project({ ...REQUEST, maxRows: 1 })
        }
        statements.length = 0
        expect((await records.timeline({ tenant: 'acme', limit: 100 })).events).toHaveLength(60)
        expect(statements).toHaveLength(1)
        // It stops where the page is full: a page that read on would fail.
        await query("UPDATE throughline_trail SET body = 'broken' WHERE first_seq < 30")
        const page = await records.timeline({ tenant: 'acme', limit: 20 })
        expect(page.events.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => 60 - i))
        const recent = await records.timeline({ tenant: 'acme', from: 1_762_000_000_031, limit: 100 })
        expect(recent.events).toHaveLength(30)
        await expect(records.timeline({ tenant: 'acme', limit: 100 })).rejects.toMatchObject({
          code: 'RECORDS_UNAVAILABLE',
        })
        expect((await records.timeline({ tenant: 'acme', limit: 20 })).events).toHaveLength(20)
      },
      { shared, onStatement: (sql, thread) => thread === 'reader' && statements.push(sql) },
    )
  })

  it('continues a writer’s chain after a restart, before and after projecting', async () => {
    await using(async ({ records, another }) => {
      const change = { writer: 'w', lane: 0, writes: [], quotas: [] }
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      await records.commit({ ...change, body: batchOf('acme', 1, 'x').body })
      const second = another()
      await second.open(openOptions())
      await second.append(batchOf('acme', 1))
      await second.append(batchOf('acme', 2))
      await second.commit({ ...change, body: batchOf('acme', 2, 'x').body })
      // The first one does not know that the stream went on.
      await records.commit({ ...change, body: batchOf('acme', 3, 'x').body })
      const { newest } = await second.backlog()
      expect(await second.project(REQUEST)).toMatchObject({ records: 5 })
      const third = another()
      await third.open(openOptions())
      await third.append(batchOf('acme', 2))
      await third.append(batchOf('acme', 3))
      expect((await third.backlog()).oldest).toBeGreaterThan(newest)
      await third.commit({ ...change, body: batchOf('acme', 4, 'x').body })
      expect(await third.project(REQUEST)).toMatchObject({ records: 2 })
      expect((await third.timeline({ tenant: '$platform', limit: 10 })).events).toEqual([])
    })
  })

  it('numbers one stream densely when two processes commit to it at once', async () => {
    await using(async ({ records, another }) => {
      await records.open(openOptions())
      const other = another()
      // By its clock its rows are for another partition, where no key meets theirs.
      await other.open(openOptions({ now: () => openOptions().now() + 7_000 }))
      const change = { writer: 'w', lane: 0, writes: [] }
      const quotas = [{ tenant: 'acme', meter: 'm', period: '2026-11', delta: 1, limit: 25, seed: { from: 0, to: 0 } }]
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          (i % 2 === 0 ? records : other).commit({ ...change, quotas, body: batchOf('acme', i, 'x').body }),
        ),
      )
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(25)
      expect(results.filter(({ status }) => status === 'refused')).toHaveLength(15)
      while ((await records.project(REQUEST)).more);
      expect((await records.timeline({ tenant: '$platform', limit: 10 })).events).toEqual([])
      expect((await records.timeline({ tenant: 'acme', limit: 100 })).events).toHaveLength(25)
    })
  })

  it('starts a counter from usage, too, whose projection is under way', async () => {
    await using(async ({ records, another, stranger, query }) => {
      await records.open(openOptions())
      const other = another()
      await other.open(openOptions())
      await records.append(usageOf('a', 1))
      await records.project(REQUEST)
      await records.append(usageOf('a', 2))
      // It counts and finds no counter, and then waits for the journal's row that it removes.
      const holder = await stranger()
      await holder.query('BEGIN; SELECT FROM throughline_journal FOR UPDATE')
      const projected = records.project(REQUEST)
      const isWaiting = async (kind: string): Promise<boolean> =>
        (await query('SELECT FROM pg_locks WHERE NOT granted AND locktype = $1', [kind])).length > 0
      await expect.poll(() => isWaiting('transactionid')).toBe(true)
      const seed = { from: 0, to: 9e15 }
      const quotas = [{ tenant: 'acme', meter: 'a', period: '2025-11', delta: 10, limit: 20, seed }]
      let answered = false
      const committed = other
        .commit({ writer: 'w', lane: 0, writes: [], quotas, body: batchOf('acme', 1, 'x').body })
        .finally(() => {
          answered = true
        })
      await expect.poll(async () => answered || (await isWaiting('advisory'))).toBe(true)
      await holder.query('COMMIT')
      expect(await projected).toMatchObject({ records: 1 })
      expect(await committed).toMatchObject({ used: [12] })
      await records.append(usageOf('a', 3))
      await records.project(REQUEST)
      expect(await query('SELECT used::int FROM throughline_quotas')).toEqual([{ used: 13 }])
    })
  })

  it('lets nobody wait in a circle who moves several counters, in whatever order', async () => {
    await using(async ({ records, another }) => {
      await records.open(openOptions())
      const other = another()
      await other.open(openOptions())
      const period = new Date(openOptions().now()).toISOString().slice(0, 7)
      const move = (meter: string) => ({ tenant: 'acme', meter, period, delta: 1, seed: { from: 0, to: 0 } })
      const commit = (i: number, by: typeof records, ...meters: readonly string[]) =>
        by.commit({
          writer: `w${by === other}`,
          lane: 0,
          writes: [],
          quotas: meters.map(move),
          body: usageOf('b', i).body,
        })
      await commit(0, records, 'a', 'b', 'c')
      let done = false
      const projecting = (async () => {
        for (let seq = 1; !done; seq++) {
          await records.append({ ...usageOf('c', seq), writer: 'p' })
          await records.project(REQUEST)
        }
      })()
      const started = performance.now()
      for (let round = 1; round <= 60; round++) {
        const both = [
          commit(round, records, 'a', 'b', 'c'),
          commit(round, other, 'c', 'b', 'a'),
          commit(round, other, 'b'),
        ]
        for (const { status } of await Promise.all(both)) expect(status).toBe('committed')
      }
      // The server looks for circles only after a second.
      expect(performance.now() - started).toBeLessThan(3_000)
      done = true
      await projecting
      expect(await commit(61, records, 'a')).toMatchObject({ used: [122] })
    })
  })

  it('projects what became visible late, since it never trusts a position', async () => {
    await using(async ({ records, query, stranger }) => {
      await records.open(openOptions())
      // A batch of another process takes its position, and is committed after a later one was projected.
      await records.append(batchOf('acme', 1, 'late'))
      const [row] = await query<{ id: string }>('DELETE FROM throughline_journal RETURNING *')
      const late = await stranger()
      await late.query('BEGIN')
      await late.query(
        `INSERT INTO throughline_journal OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_record(NULL::throughline_journal, $1)`,
        [JSON.stringify(row)],
      )
      await records.append(batchOf('acme', 1))
      expect(await records.project(REQUEST)).toMatchObject({ rows: 1 })
      await late.query('COMMIT')
      expect(await records.project(REQUEST)).toMatchObject({ rows: 1, records: 1 })
      expect((await records.timeline({ tenant: 'acme', limit: 9 })).events.map(({ id }) => id)).toEqual([
        'late-1.0',
        'w-1.0',
      ])
    })
  })

  it('takes over a lease that was taken before the clock was set back', async () => {
    await using(async ({ records, query }) => {
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      const heldUntil = (at: number) =>
        query(
          `INSERT INTO throughline_leases VALUES (0, 'gone', 1, $1, 0)
           ON CONFLICT (lane) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at`,
          [at],
        )
      await heldUntil(openOptions().now() + 1_000)
      expect(await records.project(REQUEST)).toMatchObject({ lease: false, rows: 0 })
      await heldUntil(openOptions().now() + 3_600_000)
      expect(await records.project(REQUEST)).toMatchObject({ lease: true, rows: 1 })
    })
  })

  it('chains each tenant’s segments by their hashes', async () => {
    await using(async ({ records, query }) => {
      await records.open(openOptions())
      for (let seq = 1; seq <= 6; seq++) {
        await records.append(batchOf(seq % 2 === 0 ? 'acme' : 'globex', seq))
        await records.project({ ...REQUEST, maxRows: 1 })
      }
      const segments = await query<{ tenant: string; first: string; prev: string; body: string; hash: string }>(
        `SELECT tenant_id AS tenant, first_seq AS first, prev_hash AS prev, body, hash
         FROM throughline_trail ORDER BY tenant_id, first_seq`,
      )
      expect(segments).toHaveLength(6)
      const heads = new Map<string, string>()
      for (const segment of segments) {
        expect(segment.prev).toBe(heads.get(segment.tenant) ?? '')
        expect(segment.hash).toBe(segmentHash({ ...segment, firstSeq: Number(segment.first) }))
        heads.set(segment.tenant, segment.hash)
      }
      const stored = await query<{ tenant: string; hash: string }>(
        'SELECT tenant_id AS tenant, hash FROM throughline_heads',
      )
      expect(new Map(stored.map(({ tenant, hash }) => [tenant, hash]))).toEqual(heads)
    })
  })

  it('changes the journal’s key only while nothing waits, and keeps whoever has the old one from writing', async () => {
    await using(async ({ records, another }) => {
      await records.open(openOptions({ secret: 'the old one' }))
      await records.append(batchOf('acme', 1))
      await expect(another().open(openOptions({ secret: 'the new one' }))).rejects.toThrow(/sealed with another/)
      expect(await records.project(REQUEST)).toMatchObject({ records: 1 })
      const other = another()
      await other.open(openOptions({ secret: 'the new one' }))
      await other.append(batchOf('acme', 1, 'v'))
      await expect(records.append(batchOf('acme', 2))).rejects.toThrow(/another `journal.secret`/)
      await expect(records.project(REQUEST)).rejects.toThrow(/another `journal.secret`/)
      const change = { writer: 'w', lane: 0, writes: [], quotas: [], body: batchOf('acme', 1, 'x').body }
      await expect(records.commit(change)).rejects.toThrow(/another `journal.secret`/)
      expect(await other.project(REQUEST)).toMatchObject({ records: 1 })
      expect((await other.timeline({ tenant: '$platform', limit: 10 })).events).toEqual([])
    })
  })

  it('tells its listeners when another process has committed a change', async () => {
    await using(async ({ records, another }) => {
      await records.open(openOptions())
      const other = another()
      await other.open(openOptions())
      let notices = 0
      let heard = (): void => {}
      const next = () => new Promise<void>((resolve) => (heard = resolve))
      const listening = next()
      const stop = records.notices(() => {
        notices += 1
        heard()
      })
      await listening
      const told = next()
      const writes = [{ kind: 'config', tenant: 'acme', key: '', value: 1 }] as const
      await other.commit({ writer: 'v', lane: 0, writes, quotas: [], body: '[]' })
      await told
      expect(notices).toBe(2)
      stop()
    })
  })

  it('has no tables for engines that are not there, and begins every key of a tenant’s table with the tenant', async () => {
    await using(async ({ records, query, schema, another }) => {
      await records.open(openOptions({ kinds: [], usage: false }))
      await records.append(batchOf('acme', 1))
      expect(await records.project(REQUEST)).toMatchObject({ records: 1 })
      const tables = () =>
        query<{ name: string }>('SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [schema])
      const partitions = [0, 1, 2, 3].map((slot) => `journal_${slot}`)
      const platform = ['journal', ...partitions, 'leases', 'migrations', 'secret', 'versions', 'writers']
      const trail = ['heads', 'notable', 'repeats', 'trail']
      expect((await tables()).map(({ name }) => name)).toEqual([...platform, ...trail].sort().map(named))
      const whole = another()
      const kinds = [
        'tenants',
        'members',
        'config',
        'limit_overrides',
        'flag_overrides',
        'flags',
        'definitions',
      ] as const
      await whole.open(openOptions({ kinds }))
      const keys = await query<{ table: string; first: string }>(
        `SELECT t.relname AS table, a.attname AS first FROM pg_index AS i
         JOIN pg_class AS t ON t.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = t.relnamespace
         JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
         WHERE n.nspname = $1 AND i.indisunique`,
        [schema],
      )
      const ofTenants = keys.filter(({ table }) => !platform.map(named).includes(table))
      expect(ofTenants.length).toBeGreaterThanOrEqual(14)
      expect([...new Set(ofTenants.map(({ first }) => first))]).toEqual(['tenant_id'])
    }, {})
  })

  it('is refused by `check` until it is migrated, and migrates once when several open it together', async () => {
    await using(async ({ records, another, query }) => {
      const check = openOptions({ migrate: 'check', kinds: ['config'], usage: false })
      await expect(another().open(check)).rejects.toMatchObject({
        code: 'STORAGE_SCHEMA_OUTDATED',
        details: { missing: ['001-journal', '002-trail', '004-config', '006-definitions'] },
      })
      await Promise.all([records, another(), another()].map((one) => one.open(openOptions())))
      expect(await query("SELECT 1 FROM throughline_migrations WHERE name = '001-journal'")).toHaveLength(1)
      await another().open(check)
      const value = { plan: 'free', status: 'active', attributes: {} }
      const writes = [{ kind: 'tenants', tenant: 'acme', key: '', value }] as const
      await records.commit({ writer: 'w', lane: 0, writes, quotas: [], body: '[]' })
      expect(await query('SELECT tenant_id, plan, status FROM throughline_tenants')).toEqual([
        { tenant_id: 'acme', plan: 'free', status: 'active' },
      ])
    }, {})
  })
})

function named(name: string): string {
  return `throughline_${name}`
}

/** A batch of one use that no counter has counted. */
function usageOf(meter: string, seq: number): ReturnType<typeof batchOf> {
  const events = [{ action: 'usage.recorded', targets: [{ type: 'meter', id: meter }], metadata: { quantity: 1 } }]
  const actor = { type: 'user', id: 'ann' }
  const record = { id: `${meter}${seq}`, tenant: 'acme', at: openOptions().now(), actor, events }
  return { writer: 'w', seq, lane: 0, body: `[${JSON.stringify(record)}]` }
}
