import { randomBytes } from 'node:crypto'
import type { JournalBatch } from '@throughline/core/storage'
import knex from 'knex'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { until } from '../../../test/until.ts'
import { knexStorage } from '../src/knex-storage.ts'
import { postgresScratch, service } from './postgres-scratch.ts'
import { batchOf, openOptions } from './scratch-storage.ts'

const REQUEST = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 } as const
const UNAVAILABLE = { code: 'RECORDS_UNAVAILABLE' }

describe.skipIf(!service.isReachable)('PostgresRecords, when the server fails', () => {
  it('says at once that nothing listens, and what the system says of it', async () => {
    const app = knex({ client: 'pg', connection: 'postgres://root:hidden@127.0.0.1:1/test' })
    const { records } = knexStorage({ app })
    const started = performance.now()
    const failure = await records.open(openOptions()).catch((error: unknown) => error)
    expect(performance.now() - started).toBeLessThan(1_000)
    expect(failure).toMatchObject({ ...UNAVAILABLE, details: { postgres: 'ECONNREFUSED' } })
    expect(JSON.stringify(failure)).not.toContain('hidden')
    await records.close()
    await app.destroy()
  })

  it('gives up in time when a lock is held, and repeats the batch without counting it twice', async () => {
    const scratch = await postgresScratch({ answerWithinMs: 1_000 })
    try {
      const { records, stranger } = scratch
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      const holder = await stranger()
      await holder.query('BEGIN; LOCK TABLE throughline_journal')
      const started = performance.now()
      const calls = [records.append(batchOf('acme', 2)), records.project(REQUEST), records.backlog()]
      await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(UNAVAILABLE)))
      expect(performance.now() - started).toBeLessThan(10_000)
      await holder.query('COMMIT')
      await records.append(batchOf('acme', 2))
      expect(await records.project(REQUEST)).toMatchObject({ records: 2 })
      await records.append(batchOf('acme', 2))
      await records.append(batchOf('acme', 3))
      expect(await records.project(REQUEST)).toMatchObject({ records: 1 })
      expect((await records.timeline({ tenant: '$platform', limit: 9 })).events).toEqual([])
    } finally {
      await scratch.destroy()
    }
  })

  it('says of a change that is not answered that its outcome is unknown, and goes on after it', async () => {
    const scratch = await postgresScratch()
    try {
      const { records, query, stranger } = scratch
      await records.open(openOptions())
      const change = (seq: number) => ({
        writer: 'w',
        lane: 0,
        writes: [],
        quotas: [],
        body: batchOf('acme', seq, 'x').body,
      })
      await records.commit(change(1))
      const holder = await stranger()
      await holder.query('BEGIN; LOCK TABLE throughline_journal IN EXCLUSIVE MODE')
      const waiting = records.commit(change(2)).catch((error: unknown) => error)
      const terminate = () =>
        query<{ done: boolean }>(
          `SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity WHERE application_name = 'throughline'
           AND wait_event_type = 'Lock' AND query LIKE 'SELECT throughline_commit%'
           AND pid IN (SELECT pid FROM pg_locks WHERE NOT granted AND relation = to_regclass('throughline_journal'))`,
        )
      await until(async () => (await terminate()).length > 0)
      // The server itself says that it ended: nothing of it was done.
      expect(await waiting).toMatchObject(UNAVAILABLE)
      await holder.query('COMMIT')
      await records.commit(change(3))
      expect(await records.project(REQUEST)).toMatchObject({ records: 2 })
      expect((await records.timeline({ tenant: '$platform', limit: 9 })).events).toEqual([])
    } finally {
      await scratch.destroy()
    }
  })

  it('loses no batch and counts none twice while its connections are terminated at any moment', async () => {
    const scratch = await postgresScratch()
    try {
      const { records, query, schema } = scratch
      await records.open(openOptions())
      const append = async (batch: JournalBatch): Promise<number> => {
        for (let failures = 0; ; failures++) {
          try {
            await records.append(batch)
            return failures
          } catch (error) {
            expect(error).toMatchObject(UNAVAILABLE)
          }
        }
      }
      let failures = 0
      let appended = 0
      let done = false
      const killing = (async () => {
        while (!done) {
          const killed = await query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'throughline'
             AND pid IN (SELECT l.pid FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
               JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1)`,
            [schema],
          )
          // However slowly connections are made here, one batch gets through before the next is struck.
          const before = appended
          if (killed.length > 0) await until(() => done || appended > before)
        }
      })()
      const projecting = (async () => {
        while (!done) await records.project(REQUEST).catch((error: unknown) => expect(error).toMatchObject(UNAVAILABLE))
      })()
      for (let seq = 1; seq <= 150 || failures < 10; seq++) {
        failures += await append(batchOf('acme', seq))
        appended++
      }
      done = true
      await Promise.all([killing, projecting])
      // A connection that was terminated last may still be lent once: whoever gets it is told.
      const answered = async <T>(ask: () => Promise<T>): Promise<T> => {
        let answer: { readonly value: T } | undefined
        await until(async () => {
          answer = await ask().then(
            (value) => ({ value }),
            (error: unknown) => void expect(error).toMatchObject(UNAVAILABLE),
          )
          return answer !== undefined
        })
        return (answer as unknown as { readonly value: T }).value
      }
      await until(async () => (await answered(() => records.project(REQUEST))).rows === 0)
      const ids = new Set<string>()
      let count = 0
      for (let before: { seq: number; index: number } | undefined; ; ) {
        const from = before
        const page = await answered(() =>
          records.timeline({ tenant: 'acme', limit: 1_000, ...(from && { before: from }) }),
        )
        for (const { id } of page.events) ids.add(id)
        count += page.events.length
        before = page.next
        if (!before) break
      }
      expect(count).toBeGreaterThanOrEqual(150)
      expect(ids.size).toBe(count)
      expect(Array.from({ length: count }, (_, i) => ids.has(`w-${i + 1}.0`)).every(Boolean)).toBe(true)
      expect((await records.timeline({ tenant: '$platform', limit: 9 })).events).toEqual([])
    } finally {
      await scratch.destroy()
    }
  })

  it('rejects while the database takes nobody in, and works by itself once it does again', async () => {
    const name = `tl_test_${process.pid}_${randomBytes(6).toString('hex')}`
    const server = new pg.Client({ connectionString: service.url })
    await server.connect()
    await server.query(`CREATE DATABASE ${name}`)
    const url = new URL(service.url)
    url.pathname = `/${name}`
    const scratch = await postgresScratch({ url: url.href, answerWithinMs: 1_000 })
    try {
      const { records, stranger } = scratch
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
      await server.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'throughline'`,
        [name],
      )
      const started = performance.now()
      for (const call of [
        () => records.append(batchOf('acme', 2)),
        () => records.backlog(),
        () => records.project(REQUEST),
      ]) {
        await expect(call()).rejects.toMatchObject(UNAVAILABLE)
      }
      expect(performance.now() - started).toBeLessThan(3_000)
      await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
      await records.append(batchOf('acme', 2))
      expect(await records.project(REQUEST)).toMatchObject({ records: 2 })
      await stranger()
    } finally {
      await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
      await scratch.destroy()
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`)
      await server.end()
    }
  })
})
