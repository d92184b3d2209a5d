import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectCountedExactly } from './fixtures/counted-exactly.ts'
import type { LoadClient, Route } from './fixtures/load-client.ts'
import { answered, type Outage, outage, refusals, spillFiles } from './fixtures/outage.ts'
import { PostgresServer, postgresPrograms } from './fixtures/postgres-server.ts'
import { storageAt } from './fixtures/records-place.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { until } from './until.ts'

const SPILLING: readonly Route[] = ['plain', 'keyed', 'noted']
const REFUSING: readonly Route[] = ['counted', 'strict']

const programs = postgresPrograms()

describe.skipIf(programs === undefined)('a Postgres that crashes under load', () => {
  it('twice, and comes back: requests go on, quotas and strict routes refuse, everything is recorded once', {
    timeout: 60_000,
  }, async () => {
    await inScratchDirectory(async (directory) => {
      const server = await PostgresServer.create(programs ?? '', directory)
      const { place } = server
      const spill = { directory: join(directory, 'spill') }
      let client: LoadClient | undefined
      try {
        const sent = await outage({
          filename: place,
          storage: storageAt(place),
          spill,
          begin: () => server.stop('immediate'),
          async during(seen) {
            client = seen.client
            await expectDegraded(seen, spill.directory)
            await server.start()
            await expectRecovered(seen)
            await server.stop('immediate')
            await expectDegraded(seen, spill.directory)
          },
          end: () => server.start(),
          read: () => server.read(),
        })
        if (client) expectCountedExactly(client, await server.read())
        console.log(`${sent.length} requests since the first crash`)
        // What may spill never refuses, neither while a connection breaks nor while there is none.
        expect(refusals(sent)).toEqual({
          counted: ['503 QUOTA_UNAVAILABLE'],
          strict: expect.arrayContaining(['503 RECORDS_UNAVAILABLE']),
        })
      } finally {
        await server.end()
      }
    })
  })
})

/** What the failure table says of a database that can't be reached. */
async function expectDegraded({ app, client }: Outage, spillDirectory: string): Promise<void> {
  const began = client.sent.length
  const since = (route: Route, status: number): number => answered(client.sent.slice(began), route, status)
  await until(() => SPILLING.every((route) => since(route, 200) > 20), { what: 'requests that go on' })
  await until(() => REFUSING.every((route) => since(route, 503) > 5), { what: 'refusals' })
  const { status, journal } = await app.throughline.health()
  expect(status).toBe('degraded')
  expect(journal.spilledBytes).toBeGreaterThan(0)
  expect(await spillFiles('', spillDirectory)).toHaveLength(1)
}

/** By itself: what had spilled is in the journal, and every route answers. */
async function expectRecovered({ app, client }: Outage): Promise<void> {
  const isWhole = async (): Promise<boolean> => {
    const { status, journal } = await app.throughline.health()
    return status === 'ok' && journal.spilledBytes === 0
  }
  await until(isWhole, { what: 'health', withinMs: 20_000 })
  const back = client.sent.length
  const everyRoute = (): boolean =>
    [...SPILLING, ...REFUSING].every((route) => answered(client.sent.slice(back), route, 200) > 5)
  await until(everyRoute, { what: 'traffic again' })
}
