import { segmentHash } from '@throughline/core/storage'
import { storageContract } from '@throughline/core/testing'
import { describe, expect, it } from 'vitest'
import { inProcessThread } from './in-process-thread.ts'
import { batchOf, openOptions, scratchStorage, sqliteRecords } from './scratch-storage.ts'

describe('SqliteRecords', () => {
  for (const filename of [undefined, ':memory:']) {
    for (const { name, run } of storageContract({
      name: filename ?? 'file',
      async create() {
        const scratch = await scratchStorage({ start: inProcessThread(), ...(filename !== undefined && { filename }) })
        const forge = async () => {
          const stranger = scratch.stranger()
          stranger.exec(`UPDATE throughline_journal SET body = replace(body, 'request.handled', 'request.forged')
            WHERE id = (SELECT max(id) FROM throughline_journal)`)
        }
        return {
          storage: { records: scratch.records },
          destroy: () => scratch.destroy(),
          ...(filename === undefined && { forge }),
        }
      },
    })) {
      it(name, run)
    }
  }

  it('changes the journal’s key only while nothing waits, and keeps whoever has the old one from writing', async () => {
    const scratch = await scratchStorage()
    const other = sqliteRecords({ filename: scratch.filename })
    const request = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 9 }
    try {
      await scratch.records.open(openOptions({ secret: 'the old one' }))
      await scratch.records.append(batchOf('acme', 1))
      await expect(other.open(openOptions({ secret: 'the new one' }))).rejects.toThrow(/sealed with another/)
      expect(await scratch.records.project(request)).toMatchObject({ records: 1 })

      await other.open(openOptions({ secret: 'the new one' }))
      await other.append(batchOf('acme', 1, 'v'))
      await expect(scratch.records.append(batchOf('acme', 2))).rejects.toThrow(/another `journal.secret`/)
      await expect(scratch.records.project(request)).rejects.toThrow(/another `journal.secret`/)
      expect(await other.project(request)).toMatchObject({ records: 1 })
      expect((await other.timeline({ tenant: '$platform', limit: 10 })).events).toEqual([])
    } finally {
      await other.close()
      await scratch.destroy()
    }
  })

  it('takes over a lease that was taken before the clock was set back', async () => {
    const scratch = await scratchStorage()
    try {
      await scratch.records.open(openOptions())
      await scratch.records.append(batchOf('acme', 1))
      const request = { lane: 0, holder: 'p', leaseMs: 1_000, maxRows: 9 }
      const heldUntil = scratch.stranger().prepare<[number]>(`INSERT INTO throughline_leases VALUES (0, 'gone', 1, ?, 0)
        ON CONFLICT (lane) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at`)
      heldUntil.run(openOptions().now() + 1_000)
      expect(await scratch.records.project(request)).toMatchObject({ lease: false, rows: 0 })
      heldUntil.run(openOptions().now() + 3_600_000)
      expect(await scratch.records.project(request)).toMatchObject({ lease: true, rows: 1 })
    } finally {
      await scratch.destroy()
    }
  })

  it('chains each tenant’s segments by their hashes', async () => {
    const scratch = await scratchStorage()
    try {
      await scratch.records.open(openOptions())
      for (let seq = 1; seq <= 6; seq++) {
        await scratch.records.append(batchOf(seq % 2 === 0 ? 'acme' : 'globex', seq))
        await scratch.records.project({ lane: 0, holder: 'p', leaseMs: 1_000, maxRows: 1 })
      }
      const database = scratch.stranger()
      const segments = database
        .prepare<[], { tenant: string; firstSeq: number; prev: string; body: string; hash: string }>(
          `SELECT tenant_id AS tenant, first_seq AS firstSeq, prev_hash AS prev, body, hash
           FROM throughline_trail ORDER BY tenant_id, first_seq`,
        )
        .all()
      expect(segments).toHaveLength(6)
      const heads = new Map<string, string>()
      for (const segment of segments) {
        expect(segment.prev).toBe(heads.get(segment.tenant) ?? '')
        expect(segment.hash).toBe(segmentHash(segment))
        heads.set(segment.tenant, segment.hash)
      }
      const stored = database.prepare<[], { tenant: string; hash: string }>(
        'SELECT tenant_id AS tenant, hash FROM throughline_heads',
      )
      expect(new Map(stored.all().map(({ tenant, hash }) => [tenant, hash]))).toEqual(heads)
    } finally {
      await scratch.destroy()
    }
  })

  it('answers a page of the timeline by one SELECT, however many segments it reads', async () => {
    const statements: string[] = []
    const scratch = await scratchStorage({
      onStatement: (sql, thread) => {
        if (thread === 'reader' && !sql.startsWith('PRAGMA')) statements.push(sql)
      },
    })
    try {
      await scratch.records.open(openOptions())
      for (let seq = 1; seq <= 20; seq++) {
        await scratch.records.append(batchOf('acme', seq))
        await scratch.records.project({ lane: 0, holder: 'p', leaseMs: 1_000, maxRows: 1 })
      }
      for (const query of [{}, { actions: ['config.changed', 'error'] }, { actor: 'ann' }]) {
        statements.length = 0
        await scratch.records.timeline({ tenant: 'acme', limit: 15, ...query })
        expect(statements.filter((sql) => /^(WITH|SELECT) /.test(sql))).toHaveLength(1)
        expect(statements).toHaveLength(1)
      }
    } finally {
      await scratch.destroy()
    }
  })

  it('stops reading at the first segment that is older than what is asked for', async () => {
    const scratch = await scratchStorage()
    try {
      await scratch.records.open(openOptions())
      for (let seq = 1; seq <= 3; seq++) {
        await scratch.records.append(batchOf('acme', seq))
        await scratch.records.project({ lane: 0, holder: 'p', leaseMs: 1_000, maxRows: 1 })
      }
      // What must not be read any more can't be read: a page that got there would fail.
      scratch.stranger().exec("UPDATE throughline_trail SET body = 'broken' WHERE first_seq = 1")
      const page = await scratch.records.timeline({ tenant: 'acme', from: 1_762_000_000_002, limit: 10 })
      expect(page.events.map((event) => event.seq)).toEqual([3, 2])
    } finally {
      await scratch.destroy()
    }
  })

  it('continues a writer’s chain after a restart, before and after projecting', async () => {
    const scratch = await scratchStorage()
    try {
      await scratch.records.open(openOptions())
      await scratch.records.append(batchOf('acme', 1))
      await scratch.records.commit({ writer: 'w', lane: 0, writes: [], quotas: [], body: batchOf('acme', 1, 'x').body })
      await scratch.records.close()

      let reopened = sqliteRecords({ filename: scratch.filename })
      try {
        await reopened.open(openOptions())
        await reopened.append(batchOf('acme', 1))
        await reopened.append(batchOf('acme', 2))
        const request = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 }
        const { newest } = await reopened.backlog()
        expect(await reopened.project(request)).toMatchObject({ records: 3 })
        await reopened.close()
        reopened = sqliteRecords({ filename: scratch.filename })
        await reopened.open(openOptions())
        await reopened.append(batchOf('acme', 3))
        expect((await reopened.backlog()).oldest).toBeGreaterThan(newest)
        await reopened.commit({ writer: 'w', lane: 0, writes: [], quotas: [], body: batchOf('acme', 2, 'x').body })
        expect(await reopened.project(request)).toMatchObject({ records: 2 })
        expect((await reopened.timeline({ tenant: '$platform', limit: 10 })).events).toEqual([])
      } finally {
        await reopened.close()
      }
    } finally {
      await scratch.destroy()
    }
  })

  it('has no tables for engines that are not there, and needs none', async () => {
    const scratch = await scratchStorage()
    try {
      await scratch.records.open(openOptions({ kinds: [], usage: false }))
      const body = JSON.stringify([
        {
          id: 'r',
          tenant: 'acme',
          at: 5,
          actor: { type: 'user', id: 'u' },
          events: [
            { action: 'usage.recorded', targets: [{ type: 'meter', id: 'm' }], metadata: { quantity: 1, key: 'k' } },
          ],
        },
      ])
      await scratch.records.append({ writer: 'w', seq: 1, lane: 0, body })
      await scratch.records.project({ lane: 0, holder: 'p', leaseMs: 0, maxRows: 10 })
      expect((await scratch.records.timeline({ tenant: 'acme', limit: 10 })).events).toHaveLength(1)
      const tables = scratch
        .stranger()
        .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .all()
        .map((table) => table.name)
      expect(tables).toEqual([
        'throughline_heads',
        'throughline_journal',
        'throughline_leases',
        'throughline_migrations',
        'throughline_notable',
        'throughline_repeats',
        'throughline_trail',
        'throughline_versions',
        'throughline_writers',
      ])
    } finally {
      await scratch.destroy()
    }
  })

  it('begins every key of a tenant-owned table with the tenant', async () => {
    const scratch = await scratchStorage()
    try {
      await scratch.records.open(
        openOptions({
          kinds: ['tenants', 'members', 'config', 'limit_overrides', 'flag_overrides', 'flags', 'definitions'],
        }),
      )
      const database = scratch.stranger()
      const platform = ['journal', 'writers', 'leases', 'versions', 'migrations'].map((name) => `throughline_${name}`)
      const keys = database
        .prepare<[], { table: string; first: string }>(
          `SELECT t.name AS "table", i.name AS first FROM sqlite_schema AS t
           JOIN pragma_index_list(t.name) AS l JOIN pragma_index_info(l.name) AS i
           WHERE t.type = 'table' AND i.seqno = 0 AND l."unique" = 1`,
        )
        .all()
        .filter(({ table }) => !platform.includes(table))
      expect(keys.length).toBeGreaterThanOrEqual(14)
      expect([...new Set(keys.map((key) => key.first))]).toEqual(['tenant_id'])
    } finally {
      await scratch.destroy()
    }
  })
})
