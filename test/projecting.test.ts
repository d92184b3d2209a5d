import { join } from 'node:path'
import { createThroughline } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import knex from 'knex'
import { expect, it } from 'vitest'
import type { Route, Sent } from './fixtures/load-client.ts'
import { LoadClient } from './fixtures/load-client.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { appendBacklog, makeBacklog } from './fixtures/prepared-backlog.ts'
import type { LoopDelay, ProjectingRequest } from './fixtures/projecting-process.ts'
import { projectAll, readRecordsFile } from './fixtures/records-file.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { serveApp } from './fixtures/served-app.ts'
import { catalog, tenants } from './fixtures/serving-app.ts'
import { StartedProcess } from './fixtures/started-process.ts'
import { until } from './until.ts'

const RECORDS = 100_000
const ALLOWED_MS = 5
/** Of the main thread, for each record: some for asking how far it is; folding a record takes several times that. */
const ALLOWED_CPU_US = 3
const TRIES = 5
/** More than can be projected while a read waits. */
const BACKLOG = 50_000

it('projecting 100,000 records adds at most 5 ms to the p99 of the event loop’s delay', {
  timeout: 120_000,
}, async () => {
  await inScratchDirectory(async (directory) => {
    const process = new StartedProcess('./projecting-process.ts')
    const ask = <T>(request: ProjectingRequest, answer: string): Promise<T> => {
      process.send(request)
      return process.message<T>(answer)
    }
    const client = new LoadClient()
    const lines: string[] = []
    let added = Number.POSITIVE_INFINITY
    let addedCpu = Number.POSITIVE_INFINITY
    try {
      const port = await ask<number>({ open: { filename: join(directory, 'records.db') } }, 'port')
      const driving = client.drive({ port, connections: 1, routes: ['plain', 'keyed'] })
      let window = 1_000
      // A machine that does other things too delays any process: the best of several tries says what is ours.
      for (let attempt = 1; attempt <= TRIES && !(added <= ALLOWED_MS && addedCpu <= ALLOWED_CPU_US); attempt++) {
        await ask<number>({ prepare: RECORDS }, 'prepared')
        const from = client.sent.length
        const without = await ask<LoopDelay>({ measure: window }, 'measured')
        const between = client.sent.length
        const during = await ask<LoopDelay>({ measure: 'projecting' }, 'measured')
        window = during.elapsed
        added = Math.min(added, during.p99 - without.p99)
        const forRequests = (without.cpu / (between - from)) * (client.sent.length - between)
        addedCpu = Math.min(addedCpu, ((during.cpu - forRequests) * 1_000) / RECORDS)
        lines.push(
          `without ${shown(without)}, requests p99 ${p99(client.sent.slice(from, between))} ms; ` +
            `projecting ${shown(during)}, requests p99 ${p99(client.sent.slice(between))} ms`,
        )
      }
      client.stop()
      await driving
    } finally {
      client.stop()
      await process.end('SIGKILL')
    }
    console.log(`loop delay: ${lines.join('\n')}\nmain thread: ${addedCpu.toFixed(2)} µs a record`)
    expect(added).toBeLessThanOrEqual(ALLOWED_MS)
    // A busy machine hides a few ms of delay; not what the thread itself had to do.
    expect(addedCpu).toBeLessThanOrEqual(ALLOWED_CPU_US)
    expect(client.sent.filter(({ status }) => status !== 200)).toEqual([])
  })
})

it('the app’s own open transaction on its own file delays no settle, and no read', async () => {
  await inScratchDirectory(async (directory) => {
    const appFile = join(directory, 'app.db')
    const database = knex({ client: 'better-sqlite3', connection: { filename: appFile }, useNullAsDefault: true })
    const client = new LoadClient()
    const app = await serveApp(knexStorage({ app: database }))
    const routes: readonly Route[] = ['plain', 'keyed', 'noted', 'counted', 'strict']
    try {
      await database.schema.createTable('reports', (table) => table.increments('id'))
      await database.raw('BEGIN IMMEDIATE')
      await database('reports').insert({ id: 1 })
      const driving = client.drive({ port: app.port, connections: 10, routes })
      await until(() => client.successes > 300, { what: '300 answers inside of the transaction' })
      await app.throughline.run({ tenant: 'acme', actor: { id: 'ann' } }, async () => {
        const { events, behind } = await app.throughline.audit.list({ limit: 10 })
        expect(events).toHaveLength(10)
        expect(behind).toBeUndefined()
      })
      expect(await app.throughline.health()).toMatchObject({ status: 'ok', journal: { spilledBytes: 0 } })
      client.stop()
      await driving
      expect(client.sent.every(({ status }) => status === 200)).toBe(true)
      await database.raw('ROLLBACK')
      // Its rollback takes nothing of ours with it.
      expect(await database('reports')).toEqual([])
    } finally {
      client.stop()
      await app.close()
      await database.destroy()
    }
    await projectAll(`${appFile}.throughline.db`)
    expectNothingLost(client, readRecordsFile(`${appFile}.throughline.db`))
  })
})

it('a read waits for the projector no longer than it may, and says that it is behind', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const backlog = makeBacklog({ records: BACKLOG, perBatch: 50 })
    await appendBacklog(filename, backlog)
    const storage = knexStorage({ filename })
    const throughline = createThroughline({ catalog, tenants, storage, journal: { drainTimeout: 50 } })
    await throughline.ready()
    try {
      await throughline.run({ tenant: 'acme', actor: { id: 'ann' } }, async () => {
        expect((await throughline.audit.list({ limit: 1 })).behind).toBe(true)
        expect((await storage.records.backlog()).rows).toBeGreaterThan(backlog.batches.length / 4)
        await until(async () => (await throughline.audit.list({ limit: 1 })).behind === undefined, { withinMs: 20_000 })
      })
    } finally {
      await throughline.close()
    }
  })
})

function shown({ p99, max, elapsed }: LoopDelay): string {
  return `p99 ${p99.toFixed(1)} max ${max.toFixed(1)} ms (${elapsed.toFixed(0)} ms)`
}

function p99(requests: readonly Sent[]): string {
  const sorted = requests.map(({ ms }) => ms ?? 0).sort((a, b) => a - b)
  return (sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(1)
}
