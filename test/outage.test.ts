import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { knexStorage } from '@throughline/storage-knex'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { SqliteRecords } from '../packages/storage-knex/src/sqlite/sqlite-records.ts'
import { inProcessThread } from '../packages/storage-knex/test/in-process-thread.ts'
import type { Route } from './fixtures/load-client.ts'
import { MortalThreads } from './fixtures/mortal-threads.ts'
import { answered, MB, outage, refusals, spillFiles } from './fixtures/outage.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { until } from './until.ts'

const SPILLED = { counted: ['503 QUOTA_UNAVAILABLE'], strict: expect.arrayContaining(['503 RECORDS_UNAVAILABLE']) }

it('a locked file: what can spill is answered, quotas and strict routes refuse, and all is replayed once', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    let stranger: Database.Database | undefined
    const sent = await outage({
      filename,
      storage: knexStorage({ filename, busyTimeoutMs: 50 }),
      begin() {
        stranger = new Database(filename)
        stranger.exec('BEGIN EXCLUSIVE')
      },
      async during({ app, since }) {
        await until(() => ['plain', 'keyed', 'noted'].every((route) => answered(since(), route as Route, 200) > 50))
        await until(() => ['counted', 'strict'].every((route) => answered(since(), route as Route, 503) > 5))
        const { status, journal } = await app.throughline.health()
        expect(status).toBe('degraded')
        expect(journal.spilledBytes).toBeGreaterThan(0)
        expect(await spillFiles(filename)).toHaveLength(1)
      },
      end() {
        stranger?.close()
      },
    })
    expect(refusals(sent)).toEqual(SPILLED)
  })
})

it('a file locked for longer than anybody waits for a writer that only waits: nothing hangs', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    let stranger: Database.Database | undefined
    const sent = await outage({
      filename,
      storage: knexStorage({ filename, busyTimeoutMs: 600_000, answerWithinMs: 1_000 }),
      begin() {
        stranger = new Database(filename)
        stranger.exec('BEGIN EXCLUSIVE')
      },
      async during({ since }) {
        await until(() => ['plain', 'keyed', 'noted'].every((route) => answered(since(), route as Route, 200) > 5))
        await until(() => ['counted', 'strict'].every((route) => answered(since(), route as Route, 503) > 5))
      },
      end() {
        stranger?.close()
      },
    })
    expect(refusals(sent)).toEqual(SPILLED)
  })
})

it('a full disk: the same, and what was not confirmed before it is there once', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const writers: Database.Database[] = []
    class SmallDisk extends Database {
      constructor(path?: string, options?: Database.Options) {
        super(path, options)
        if (options?.readonly !== true) writers.push(this)
      }
    }
    const start = inProcessThread(SmallDisk as typeof Database)
    const pages = (limit?: number): void => {
      for (const writer of writers) {
        const used = Number(writer.pragma('page_count', { simple: true }))
        writer.pragma(`max_page_count = ${limit ?? used}`)
      }
    }
    const sent = await outage({
      filename,
      storage: {
        records: new SqliteRecords({
          filename,
          answerWithinMs: 2_000,
          busyTimeoutMs: 200,
          maxWaitingBytes: 64 * MB,
          start,
        }),
      },
      begin: () => pages(),
      async during({ app, since }) {
        await until(async () => (await app.throughline.health()).status === 'degraded')
        await until(() => ['plain', 'keyed', 'noted'].every((route) => answered(since(), route as Route, 200) > 50))
        await until(() => ['counted', 'strict'].every((route) => answered(since(), route as Route, 503) > 0))
      },
      end: () => pages(1_000_000_000),
    })
    expect(refusals(sent)).toEqual(SPILLED)
  })
})

it('a full spill: everything is refused with a code, memory stays bounded, and it goes on afterwards', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const maxBytes = 50_000
    let stranger: Database.Database | undefined
    const sent = await outage({
      filename,
      storage: knexStorage({ filename, busyTimeoutMs: 20 }),
      spill: { maxBytes },
      begin() {
        stranger = new Database(filename)
        stranger.exec('BEGIN EXCLUSIVE')
      },
      async during({ app, since }) {
        await until(() => answered(since(), 'plain', 503) > 10, { what: 'a refusal' })
        const before = heapUsed()
        const known = since().length
        await until(() => since().length > known + 1_500, { what: 'traffic without a record', withinMs: 20_000 })
        expect(heapUsed() - before).toBeLessThan(10 * MB)
        const { journal } = await app.throughline.health()
        expect(journal.spilledBytes).toBeGreaterThan(0)
        expect(journal.spilledBytes).toBeLessThanOrEqual(maxBytes)
      },
      end() {
        stranger?.close()
      },
    })
    const { plain = [], noted = [] } = refusals(sent)
    for (const codes of [plain, noted]) {
      expect(codes).toContain('503 RECORDS_FULL')
      // Those whose batch was the first that did not fit: it is tried again.
      expect(codes.filter((code) => code !== '503 OUTCOME_UNKNOWN')).toEqual(['503 RECORDS_FULL'])
    }
  })
})

it('a thread that dies: what was under way is spilled and replayed once, and another one starts', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const threads = new MortalThreads()
    const sent = await outage({
      filename,
      storage: {
        records: new SqliteRecords({
          filename,
          answerWithinMs: 2_000,
          busyTimeoutMs: 200,
          maxWaitingBytes: 64 * MB,
          start: threads.start,
        }),
      },
      begin() {},
      async during({ client, app }) {
        for (const role of ['writer', 'reader', 'writer'] as const) {
          const before = client.successes
          const count = threads.started
          await threads.kill(role)
          await until(() => threads.started > count, { what: `another ${role}` })
          await until(async () => (await app.throughline.health()).status === 'ok', { what: 'health' })
          await until(() => client.successes > before + 50)
        }
      },
      end() {},
    })
    expect(sent.filter(({ route, status }) => ['plain', 'noted', 'keyed'].includes(route) && status !== 200)).toEqual(
      [],
    )
    expect(threads.started).toBeGreaterThanOrEqual(5)
  })
})

/** Bytes that are still in use after a collection. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  return process.memoryUsage().heapUsed
}
