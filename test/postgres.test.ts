import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GENERATION_MS, killUnderLoad } from './fixtures/killed-under-load.ts'
import { LoadClient, type Route } from './fixtures/load-client.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { answered, outage, refusals, spillFiles } from './fixtures/outage.ts'
import { inPostgresDatabase } from './fixtures/postgres-schema.ts'
import { projectAll } from './fixtures/records-file.ts'
import { storageAt } from './fixtures/records-place.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { postgresService } from './services.ts'
import { until } from './until.ts'

const ROUTES: readonly Route[] = ['plain', 'keyed', 'noted', 'counted', 'strict']
const KILLS = 6

const { url, isReachable } = await postgresService()

describe.skipIf(!isReachable)('records on Postgres', () => {
  it.each([{ atOnce: 1 }, { atOnce: 2 }])(
    'kill -9 of $atOnce process(es) at any moment loses nothing of what was acknowledged, and counts nothing twice',
    { timeout: 120_000 },
    async ({ atOnce }) => {
      await inPostgresDatabase(url, async ({ place, read }) => {
        const client = new LoadClient()
        const load = { kills: KILLS, atOnce, connections: 20, routes: ROUTES, livesMs: 500 }
        await killUnderLoad({ filename: place, client, ...load })
        await projectAll(place, (KILLS + 1) * GENERATION_MS)
        const contents = await read()
        expectNothingLost(client, contents)
        console.log(
          `${KILLS} kills: ${client.acknowledged.length} of ${client.sent.length} requests acknowledged, ` +
            `${contents.records.length} records`,
        )
        expect(client.acknowledged.length).toBeGreaterThan(KILLS)
        expect(client.sent.length).toBeGreaterThan(client.acknowledged.length)
      })
    },
  )

  it('a server that lets nobody in: what can spill is answered, quotas and strict routes refuse, all is replayed once', {
    timeout: 60_000,
  }, async () => {
    await inScratchDirectory(async (directory) => {
      await inPostgresDatabase(url, async ({ place, read, shut, reopen }) => {
        const spill = { directory: join(directory, 'spill') }
        const sent = await outage({
          filename: place,
          storage: storageAt(place),
          spill,
          begin: shut,
          async during({ app, since }) {
            await until(() => ['plain', 'keyed', 'noted'].every((route) => answered(since(), route as Route, 200) > 50))
            await until(() => ['counted', 'strict'].every((route) => answered(since(), route as Route, 503) > 5))
            const { status, journal } = await app.throughline.health()
            expect(status).toBe('degraded')
            expect(journal.spilledBytes).toBeGreaterThan(0)
            expect(await spillFiles(place, spill.directory)).toHaveLength(1)
          },
          end: reopen,
          read,
        })
        expect(refusals(sent)).toEqual({
          counted: ['503 QUOTA_UNAVAILABLE'],
          strict: expect.arrayContaining(['503 RECORDS_UNAVAILABLE']),
        })
      })
    })
  })
})
