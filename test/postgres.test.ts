import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { killed } from './fixtures/killed-on-postgres.ts'
import type { Route } from './fixtures/load-client.ts'
import { answered, outage, refusals, spillFiles } from './fixtures/outage.ts'
import { inPostgresDatabase } from './fixtures/postgres-schema.ts'
import { storageAt } from './fixtures/records-place.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { postgresService } from './services.ts'
import { until } from './until.ts'

const { url, isReachable } = await postgresService()

describe.skipIf(!isReachable)('records on Postgres', () => {
  it(
    'kill -9 of two processes at any moment loses nothing of what was acknowledged, and counts nothing twice',
    {
      timeout: 120_000,
    },
    () => killed({ url, kills: 6, atOnce: 2 }),
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
