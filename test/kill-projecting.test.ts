import { join } from 'node:path'
import { createThroughline } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { FaultyRecords } from './faulty-records.ts'
import { LoadClient } from './fixtures/load-client.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { appendBacklog, makeBacklog } from './fixtures/prepared-backlog.ts'
import { projectTogether } from './fixtures/projected-together.ts'
import { projectAll, readRecordsFile } from './fixtures/records-file.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { catalog, tenants } from './fixtures/serving-app.ts'
import { ServingProcesses } from './fixtures/started-process.ts'
import { until } from './until.ts'

const KILLS = 3
const GENERATION_MS = 10_000

it('kill -9 while a backlog is projected, under load: everything is projected once', { timeout: 120_000 }, async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const backlog = makeBacklog({ records: 24_000, perBatch: 50 })
    await appendBacklog(filename, backlog)
    const file = new Database(filename, { readonly: true })
    const waiting = file
      .prepare<[], number>("SELECT count(*) FROM throughline_journal WHERE writer = 'prepared'")
      .pluck()
    const processes = new ServingProcesses(filename)
    const client = new LoadClient()
    const killedAt: number[] = []
    try {
      for (let kill = 1; kill <= KILLS; kill++) {
        const { process, port } = await processes.serve(kill * GENERATION_MS)
        const driving = client.drive({ port, connections: 4, routes: ['plain', 'keyed', 'noted'] })
        const goal = (backlog.batches.length * (KILLS + 1 - kill - Math.random())) / (KILLS + 1)
        await until(() => (waiting.get() ?? 0) <= goal, { what: 'the backlog to shrink', withinMs: 30_000 })
        await process.end('SIGKILL')
        await driving
        killedAt.push(waiting.get() ?? 0)
      }
    } finally {
      file.close()
      await processes.end()
    }
    console.log(`killed with ${killedAt.join(', ')} of ${backlog.batches.length} rows left`)
    await projectAll(filename, (KILLS + 1) * GENERATION_MS)
    expectNothingLost(client, readRecordsFile(filename), backlog)
    expect(killedAt.filter((rows) => rows > 0).length).toBeGreaterThanOrEqual(KILLS / 2)
  })
})

it('several projectors on one lane, whose leases look expired to each other, project everything once', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const backlog = makeBacklog({ records: 6_000, perBatch: 10 })
    await appendBacklog(filename, backlog)
    await projectTogether(filename, backlog)
    expectNothingLost(new LoadClient(), readRecordsFile(filename), backlog)
  })
})

it('an append whose commit was not confirmed, repeated after it was projected, counts once', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const records = new FaultyRecords(knexStorage({ filename }).records)
    const throughline = createThroughline({
      catalog,
      tenants,
      storage: { records },
      // Another process projects.
      journal: { project: false, spill: { directory: join(directory, 'spill') } },
      logger: { warn() {} },
    })
    const work = (id: number) =>
      throughline.run({ tenant: 'acme', actor: { id: 'ann' } }, async () => {
        await throughline.usage.record('reports')
        await throughline.usage.record('exports', 1, { key: `key-${id % 30}` })
        await throughline.audit.record({ action: 'report.shared', metadata: { id } })
      })
    await throughline.ready()
    await Promise.all(Array.from({ length: 20 }, (_, id) => work(id)))
    records.break('storeThenFail', 'append')
    await Promise.all(Array.from({ length: 20 }, (_, id) => work(20 + id)))
    expect((await throughline.health()).status).toBe('degraded')
    const asked = records.asked.length
    await projectAll(filename, GENERATION_MS)
    records.heal()
    await until(async () => (await throughline.health()).status === 'ok', { what: 'the replay' })
    expect(records.asked.length).toBeGreaterThan(asked)
    await throughline.close()
    await projectAll(filename, 2 * GENERATION_MS)

    const contents = readRecordsFile(filename)
    expect(contents.waiting).toBe(0)
    expect(contents.chainProblems).toEqual([])
    const shared = contents.events
      .filter(({ action }) => action === 'report.shared')
      .map(({ metadata }) => metadata?.id)
    expect(shared.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 40 }, (_, id) => id))
    expect(contents.events.filter(({ action }) => action === 'run.completed')).toHaveLength(40)
    expect(contents.ledger).toEqual(
      new Map([
        ['acme reports', 40],
        ['acme exports', 30],
      ]),
    )
    expect(contents.rollups).toEqual(contents.ledger)
  })
})
