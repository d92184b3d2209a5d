import { createThroughline } from '@throughline/core'
import type { Storage } from '@throughline/core/storage'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { expectCountedExactly } from './fixtures/counted-exactly.ts'
import { LoadClient } from './fixtures/load-client.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { inPostgresDatabase } from './fixtures/postgres-schema.ts'
import { type Backlog, makeBacklog } from './fixtures/prepared-backlog.ts'
import { projectTogether } from './fixtures/projected-together.ts'
import { type FileContents, projectAll } from './fixtures/records-file.ts'
import { postgresPlace, storageAt } from './fixtures/records-place.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { serveApp } from './fixtures/served-app.ts'
import { catalog, tenants } from './fixtures/serving-app.ts'
import { type ServingOptions, StartedProcess } from './fixtures/started-process.ts'
import { postgresService } from './services.ts'
import { until } from './until.ts'

const KILLS = 2
/** Longer than any lease lasts. */
const LEAP_MS = 10_000

const { url, isReachable } = await postgresService()

describe.skipIf(!isReachable)('projecting on Postgres', () => {
  it('kill -9 of processes that project a backlog, under load: everything is projected once and counted exactly', {
    timeout: 120_000,
  }, async () => {
    await inScratchDirectory(async (directory) => {
      await inPostgresDatabase(url, async ({ place, read }) => {
        const backlog = makeBacklog({ records: 12_000, perBatch: 50 })
        await appendBacklog(storageAt(place), backlog)
        const watch = await Waiting.open(place)
        const journal = { spill: { directory } }
        const open = { filename: place, aheadMs: 0, journal, quiet: true } satisfies ServingOptions
        const client = new LoadClient()
        // Loaded before it begins: a backlog does not wait for a process to start.
        const loaded = {
          serving: Array.from({ length: 1 + Math.ceil(KILLS / 2) }, () => new StartedProcess('./serving-process.ts')),
          working: Array.from({ length: 1 + Math.floor(KILLS / 2) }, () => new StartedProcess('./worker-process.ts')),
        }
        const started = [...loaded.serving, ...loaded.working]
        const begin = async (kind: keyof typeof loaded) => {
          const process = loaded[kind].shift() as StartedProcess
          process.send({ open })
          const port = await process.message<number | null>('port')
          const driving = port === null ? undefined : client.drive({ port, connections: 4, routes: ROUTES })
          return { process, driving }
        }
        const killedAt: number[] = []
        try {
          await Promise.all(started.map((process) => process.message('loaded')))
          // At any time one that serves, and one that only projects.
          const alive = { serving: await begin('serving'), working: await begin('working') }
          for (let kill = 1; kill <= KILLS; kill++) {
            const goal = (backlog.batches.length * (KILLS + 1 - kill - Math.random())) / (KILLS + 1)
            await until(async () => (await watch.rows()) <= goal, { what: 'a shorter backlog', withinMs: 30_000 })
            const kind = kill % 2 === 0 ? 'working' : 'serving'
            const { process, driving } = alive[kind]
            await process.end('SIGKILL')
            killedAt.push(await watch.rows())
            await driving
            alive[kind] = await begin(kind)
          }
          client.stop()
          await alive.serving.driving
        } finally {
          client.stop()
          await watch.end()
          await Promise.all(started.map((process) => process.end('SIGKILL')))
        }
        console.log(`killed with ${killedAt.join(', ')} of ${backlog.batches.length} rows left`)
        // The next process: it replays what the killed ones may have spilled.
        const app = await serveApp(storageAt(place), { spill: { directory } })
        await app.close()
        await projectAll(place, LEAP_MS)
        const contents = await read()
        expectNothingLost(client, contents, backlog)
        expectCountedExactly(client, without(backlog, contents))
        expect(killedAt.filter((rows) => rows > 0).length).toBeGreaterThanOrEqual(KILLS / 2)
      })
    })
  })

  it('several projectors on one lane, whose leases look expired to each other, project everything once', {
    timeout: 60_000,
  }, async () => {
    await inPostgresDatabase(url, async ({ place, read }) => {
      const backlog = makeBacklog({ records: 2_000, perBatch: 10 })
      await appendBacklog(storageAt(place), backlog)
      await projectTogether(place, backlog)
      const contents = await read()
      expectNothingLost(new LoadClient(), contents, backlog)
      expect(contents.ledger).toEqual(backlog.units)
    })
  })
})

const ROUTES = ['plain', 'keyed', 'noted', 'counted'] as const

/** How many of the prepared batches wait. */
class Waiting {
  readonly #client: pg.Client

  private constructor(client: pg.Client) {
    this.#client = client
  }

  static async open(place: string): Promise<Waiting> {
    const client = new pg.Client({ connectionString: postgresPlace(place)?.url })
    await client.connect()
    return new Waiting(client)
  }

  async rows(): Promise<number> {
    const { rows } = await this.#client.query<{ count: string }>(
      "SELECT count(*) AS count FROM records.throughline_journal WHERE writer = 'prepared'",
    )
    return Number(rows[0]?.count)
  }

  end(): Promise<void> {
    return this.#client.end()
  }
}

/** Makes the schema and appends; nothing is projected. */
async function appendBacklog(storage: Storage, backlog: Backlog): Promise<void> {
  const throughline = createThroughline({ catalog, tenants, storage, journal: { project: false } })
  await throughline.ready()
  // As a writer does, one after the other: each continues the chain of the one before it.
  for (const batch of backlog.batches) await storage.records.append(batch)
  await throughline.close()
}

/** What a client's requests alone have counted. */
function without({ units }: Backlog, contents: FileContents): FileContents {
  const ledger = [...contents.ledger].map(([meter, sum]) => [meter, sum - (units.get(meter) ?? 0)] as const)
  return { ...contents, ledger: new Map(ledger.filter(([, sum]) => sum !== 0)) }
}
