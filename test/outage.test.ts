import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Storage } from '@throughline/core/storage'
import { knexStorage } from '@throughline/storage-knex'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { SqliteRecords } from '../packages/storage-knex/src/sqlite/sqlite-records.ts'
import { startThread } from '../packages/storage-knex/src/sqlite/start-thread.ts'
import { inProcessThread } from '../packages/storage-knex/test/in-process-thread.ts'
import { LoadClient, type Route, type Sent } from './fixtures/load-client.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { projectAll, readRecordsFile } from './fixtures/records-file.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import type { ServedApp } from './fixtures/served-app.ts'
import { serveApp } from './fixtures/served-app.ts'
import { until } from './until.ts'

const ROUTES: readonly Route[] = ['plain', 'keyed', 'noted', 'counted', 'strict']
const CONNECTIONS = 15
const ANSWERED_WITHIN_MS = 5_000
const MB = 1_024 * 1_024

interface Outage {
  readonly app: ServedApp
  readonly client: LoadClient
  /** Answers of 2xx or 5xx since the outage began. */
  since(): readonly Sent[]
}

interface Scenario {
  readonly filename: string
  readonly storage: Storage
  readonly spill?: { readonly maxBytes: number }
  begin(): void | Promise<void>
  /** What must be seen while it lasts. */
  during(outage: Outage): Promise<void>
  end(): void
}

/** Traffic, an outage in the midst of it, its end, more traffic; then the file is compared with what the client knows. */
async function outage({ filename, storage, spill, begin, during, end }: Scenario): Promise<readonly Sent[]> {
  const app = await serveApp(storage, spill && { spill })
  const client = new LoadClient()
  let began = 0
  try {
    const driving = client.drive({ port: app.port, connections: CONNECTIONS, routes: ROUTES })
    try {
      await until(() => client.acknowledged.length > 100, { what: 'traffic' })
      await begin()
      began = client.sent.length
      await during({ app, client, since: () => client.sent.slice(began).filter(({ status }) => status !== undefined) })
    } finally {
      end()
    }
    const ended = client.sent.length
    const healthy = async (): Promise<boolean> => {
      const { status, journal } = await app.throughline.health()
      return status === 'ok' && journal.spilledBytes === 0
    }
    await until(healthy, { what: 'health', withinMs: 20_000 })
    await until(
      () =>
        ROUTES.every((route) => client.sent.slice(ended).some((sent) => sent.route === route && sent.status === 200)),
      { what: 'traffic again' },
    )
    client.stop()
    await driving
    expect(await healthy()).toBe(true)
  } finally {
    client.stop()
    await app.close()
  }
  expect(client.sent.filter(({ status }) => status === undefined)).toEqual([])
  expect(Math.max(...client.sent.map(({ ms }) => ms ?? 0))).toBeLessThan(ANSWERED_WITHIN_MS)
  expect(await spillFiles(filename)).toEqual([])
  await projectAll(filename)
  expectNothingLost(client, readRecordsFile(filename))
  return client.sent.slice(began)
}

/** Codes of the answers other than 2xx, by route. */
function refusals(sent: readonly Sent[]): Partial<Record<Route, string[]>> {
  const codes: Partial<Record<Route, string[]>> = {}
  for (const { route, status, code } of sent) {
    if (status === 200) continue
    codes[route] = [...new Set([...(codes[route] ?? []), `${status} ${code}`])]
  }
  return codes
}

async function spillFiles(filename: string): Promise<string[]> {
  const names = await readdir(`${filename}.spill`).catch(() => [])
  return names.filter((name) => name.endsWith('.spill'))
}

function answered(sent: readonly Sent[], route: Route, status: number): number {
  return sent.filter((one) => one.route === route && one.status === status).length
}

const SPILLED = { counted: ['503 QUOTA_UNAVAILABLE'], strict: expect.arrayContaining(['503 RECORDS_UNAVAILABLE']) }

it('a locked file: what can spill is answered, quotas and strict routes refuse, and all is replayed once', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    let stranger: Database.Database | undefined
    const sent = await outage({
      filename,
      storage: knexStorage({ filename }),
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
      storage: knexStorage({ filename, busyTimeoutMs: 600_000 }),
      begin() {
        stranger = new Database(filename)
        stranger.exec('BEGIN EXCLUSIVE')
      },
      async during({ since }) {
        await until(() => ['plain', 'keyed', 'noted'].every((route) => answered(since(), route as Route, 200) > 5))
        await until(() => answered(since(), 'counted', 503) > 5)
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
    expect(refusals(sent)).toMatchObject({ plain: ['503 RECORDS_FULL'], noted: ['503 RECORDS_FULL'] })
  })
})

it('a thread that dies: what was under way is spilled and replayed once, and another one starts', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const started: { role: string; terminate(): Promise<unknown> }[] = []
    const start: typeof startThread = (options) => {
      const thread = startThread(options)
      started.push({ role: options.role, terminate: () => thread.terminate() })
      return thread
    }
    const kill = async (role: string): Promise<void> => {
      const count = started.length
      await started.findLast((thread) => thread.role === role)?.terminate()
      await until(() => started.length > count, { what: `another ${role}` })
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
      begin() {},
      async during({ client, app }) {
        for (const role of ['writer', 'reader', 'writer']) {
          const before = client.acknowledged.length
          await kill(role)
          await until(async () => (await app.throughline.health()).status === 'ok', { what: 'health' })
          await until(() => client.acknowledged.length > before + 50)
        }
      },
      end() {},
    })
    expect(sent.filter(({ route, status }) => ['plain', 'noted', 'keyed'].includes(route) && status !== 200)).toEqual(
      [],
    )
    expect(started.length).toBeGreaterThanOrEqual(5)
  })
})

/** Bytes that are still in use after a collection. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  return process.memoryUsage().heapUsed
}
