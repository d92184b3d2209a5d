import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { expectCountedExactly } from './fixtures/counted-exactly.ts'
import { LoadClient, type Route } from './fixtures/load-client.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { refusals, spillFiles } from './fixtures/outage.ts'
import { PostgresServer, postgresPrograms } from './fixtures/postgres-server.ts'
import { projectAll } from './fixtures/records-file.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { type ServingOptions, StartedProcess } from './fixtures/started-process.ts'
import { until } from './until.ts'

const ROUTES: readonly Route[] = ['plain', 'keyed', 'noted', 'counted', 'strict']
const RESTARTS = 12
const CONNECTIONS = 8

const programs = postgresPrograms()

describe.skipIf(programs === undefined)('a Postgres that stops and starts at random under load', () => {
  it('2 serving processes and a worker live through it, and everything is recorded once and counted exactly', async () => {
    await inScratchDirectory(async (directory) => {
      const server = await PostgresServer.create(programs ?? '', directory)
      const { place } = server
      const started: StartedProcess[] = []
      const open = async (file: string, project = false): Promise<{ process: StartedProcess; port: number }> => {
        const process = new StartedProcess(file)
        started.push(process)
        await process.message('loaded')
        const journal = { project, spill: { directory: join(directory, 'spill') } }
        process.send({ open: { filename: place, aheadMs: 0, journal, quiet: true } satisfies ServingOptions })
        return { process, port: await process.message<number>('port') }
      }
      const client = new LoadClient()
      try {
        // Makes the schema: a worker only looks whether it is there.
        await projectAll(place)
        const serving = await Promise.all([open('./serving-process.ts', true), open('./serving-process.ts')])
        const worker = await open('./worker-process.ts')
        const driving = serving.map(({ port }) => client.drive({ port, connections: CONNECTIONS, routes: ROUTES }))
        for (let restart = 0; restart < RESTARTS; restart++) {
          await setTimeout(Math.random() * 3_000)
          await server.stop(restart % 3 === 2 ? 'fast' : 'immediate')
          // At times it is back before anybody has given it up.
          await setTimeout(restart % 2 === 0 ? 0 : Math.random() * 5_000)
          await server.start()
        }
        const back = client.sent.length
        const answers = (route: Route): boolean =>
          client.sent.slice(back).filter((sent) => sent.route === route && sent.status === 200).length > 20
        await until(() => ROUTES.every(answers), { what: 'traffic on every route again', withinMs: 20_000 })
        client.stop()
        await Promise.all(driving)
        for (const { process } of [...serving, worker]) expect(await process.end('SIGTERM')).toBe(0)
        expect(await spillFiles('', join(directory, 'spill'))).toEqual([])
        await projectAll(place)
        const contents = await server.read()
        console.log(`${client.acknowledged.length} of ${client.sent.length} requests acknowledged`)
        expectNothingLost(client, contents)
        expectCountedExactly(client, contents)
        const { plain = [], keyed = [], noted = [] } = refusals(client.sent)
        expect([...plain, ...keyed, ...noted]).toEqual([])
      } finally {
        client.stop()
        await Promise.all(started.map((process) => process.end('SIGKILL')))
        await server.end()
      }
    })
  })
})
