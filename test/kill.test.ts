import { join } from 'node:path'
import { expect, it } from 'vitest'
import { GENERATION_MS, killUnderLoad } from './fixtures/killed-under-load.ts'
import { LoadClient, type Route } from './fixtures/load-client.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { projectAll, readRecordsFile } from './fixtures/records-file.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { ServingProcesses } from './fixtures/started-process.ts'

const ROUTES: readonly Route[] = ['plain', 'keyed', 'noted', 'counted', 'strict']
const CONNECTIONS = 20
const KILLS = 20

it('kill -9 at any moment loses nothing of what was acknowledged, and counts nothing twice', {
  timeout: 120_000,
}, async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const client = new LoadClient()
    await killUnderLoad({ filename, client, kills: KILLS, connections: CONNECTIONS, routes: ROUTES, livesMs: 300 })
    await projectAll(filename, (KILLS + 1) * GENERATION_MS)
    const contents = readRecordsFile(filename)
    expectNothingLost(client, contents)
    console.log(
      `${KILLS} kills: ${client.acknowledged.length} of ${client.sent.length} requests acknowledged, ` +
        `${contents.records.length} records`,
    )
    expect(client.acknowledged.length).toBeGreaterThan(KILLS)
    expect(client.sent.length).toBeGreaterThan(client.acknowledged.length)
  })
})

it('SIGTERM with close() answers every request, loses nothing, and ends with 0', { timeout: 60_000 }, async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const processes = new ServingProcesses(filename)
    const client = new LoadClient()
    /** Ids of requests that were in their handler. */
    const arrived = new Set<string>()
    let code: number | null
    try {
      const { process, port } = await processes.serve(0)
      const driving = client.drive({ port, connections: CONNECTIONS, routes: ['slow', ...ROUTES] })
      // Some are in the middle of their handler, in which they stay for up to 170 ms.
      while (arrived.size < 30) arrived.add(await process.message<string>('arrived'))
      code = await process.end('SIGTERM')
      await driving
    } finally {
      await processes.end()
    }
    expect(code).toBe(0)
    // Read as it was left: close() has projected it.
    const contents = readRecordsFile(filename)
    expectNothingLost(client, contents)
    expect(client.sent.filter(({ status }) => status === undefined)).toEqual([])
    const refused = client.sent.filter(({ status }) => status !== 200)
    expect(refused.every((sent) => sent.status === 503 && sent.code === 'CLOSED')).toBe(true)
    // Only what came too late: whoever was let in is waited for.
    expect(refused.filter(({ id }) => arrived.has(id))).toEqual([])
    expect(client.acknowledged.length).toBeGreaterThan(CONNECTIONS)
  })
})
