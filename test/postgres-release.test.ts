import { join } from 'node:path'
import { openPostgresAdmin } from '@throughline/storage-knex'
import pg from 'pg'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Dialect } from '../packages/storage-knex/src/dialect.ts'
import type { Migration } from '../packages/storage-knex/src/migrations/migration.ts'
import { expectCountedExactly } from './fixtures/counted-exactly.ts'
import type { Route, Sent } from './fixtures/load-client.ts'
import { LoadClient } from './fixtures/load-client.ts'
import { nextRelease } from './fixtures/next-release.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { refusals } from './fixtures/outage.ts'
import { inPostgresDatabase } from './fixtures/postgres-schema.ts'
import { projectAll } from './fixtures/records-file.ts'
import { postgresPlace, storageAt } from './fixtures/records-place.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { type ServingOptions, StartedProcess } from './fixtures/started-process.ts'
import { postgresService } from './services.ts'
import { until } from './until.ts'

const ROUTES: readonly Route[] = ['plain', 'keyed', 'noted', 'counted', 'strict']
const CONNECTIONS = 4

/** How many migrations of the next release this process has; those that serve have none. */
const release = vi.hoisted(() => ({ migrations: 0 }))
/** More than it has. */
const ALL = 30
vi.mock('../packages/storage-knex/src/migrations/migrations.ts', async (original) => {
  const own = await original<typeof import('../packages/storage-knex/src/migrations/migrations.ts')>()
  const allMigrations = (dialect: Dialect): readonly Migration[] => {
    const before = own.allMigrations(dialect)
    return [...before, ...nextRelease(before).slice(0, release.migrations)]
  }
  return { ...own, allMigrations }
})
afterEach(() => {
  release.migrations = 0
})

const { url, isReachable } = await postgresService()

describe.skipIf(!isReachable)('a release on the schema of the next one', () => {
  it('serves on while the schema expands under it, beside processes started afterwards: no request notices', {
    timeout: 60_000,
  }, async () => {
    await inScratchDirectory(async (directory) => {
      await inPostgresDatabase(url, async ({ place, read }) => {
        const client = new LoadClient()
        const processes: StartedProcess[] = []
        const driving: Promise<void>[] = []
        const serve = async (project: boolean): Promise<void> => {
          const process = new StartedProcess('./serving-process.ts')
          processes.push(process)
          await process.message('loaded')
          const journal = { project, spill: { directory: join(directory, 'spill') } }
          process.send({ open: { filename: place, aheadMs: 0, journal } satisfies ServingOptions })
          const port = await process.message<number>('port')
          driving.push(client.drive({ port, connections: CONNECTIONS, routes: ROUTES }))
        }
        let began = 0
        try {
          await Promise.all([serve(true), serve(false)])
          await trafficOnEveryRoute(client)
          await expect(opened(place, 'next')).rejects.toMatchObject({
            code: 'STORAGE_SCHEMA_OUTDATED',
            details: {
              missing: expect.arrayContaining(['900-next', '901-throughline_journal', '901-throughline_trail']),
            },
          })

          began = client.sent.length
          const applied = await migrated(place)
          expect(applied.length).toBeGreaterThan(10)
          const during = client.sent.slice(began)
          await trafficOnEveryRoute(client)
          // Those that serve project on, by statements that were planned on the schema as it was.
          const projected = (await read()).records.length
          await until(async () => (await read()).records.length > projected, { what: 'projecting' })
          await opened(place, 'this')
          await opened(place, 'next')
          await serve(true)
          await trafficOnEveryRoute(client)
          client.stop()
          await Promise.all(driving)
          console.log(
            `${applied.length} migrations, ${longest(client.sent.slice(0, began))} before, ${longest(during)} meanwhile`,
          )
          for (const process of processes) expect(await process.end('SIGTERM')).toBe(0)
        } finally {
          client.stop()
          await Promise.all(processes.map((process) => process.end('SIGKILL')))
        }
        expect(refusals(client.sent.slice(began))).toEqual({})
        await projectAll(place)
        const contents = await read()
        expectNothingLost(client, contents)
        expectCountedExactly(client, contents)
      })
    })
  })

  it('waits for a long transaction without holding up anybody behind it', { timeout: 60_000 }, async () => {
    await inScratchDirectory(async (directory) => {
      await inPostgresDatabase(url, async ({ place, read }) => {
        const client = new LoadClient()
        const process = new StartedProcess('./serving-process.ts')
        const reader = new pg.Client({ connectionString: postgresPlace(place)?.url })
        let began = 0
        try {
          await process.message('loaded')
          const journal = { spill: { directory: join(directory, 'spill') } }
          process.send({ open: { filename: place, aheadMs: 0, journal } satisfies ServingOptions })
          const port = await process.message<number>('port')
          const driving = client.drive({ port, connections: CONNECTIONS, routes: ROUTES })
          await trafficOnEveryRoute(client)
          await reader.connect()
          await reader.query(
            'BEGIN; SELECT count(*) FROM records.throughline_journal; SELECT count(*) FROM records.throughline_quotas',
          )
          began = client.sent.length
          let done = false
          const migrating = migrated(place).finally(() => {
            done = true
          })
          migrating.catch(() => undefined)
          await until(() => client.sent.slice(began).filter(({ status }) => status !== undefined).length > 500, {
            what: 'traffic beside it',
            withinMs: 20_000,
          })
          // Longer than a step waits for a table before it gives way: it has done so several times.
          const tried = client.sent.length
          await until(() => client.sent.slice(tried).filter(({ status }) => status !== undefined).length > 500)
          expect(done).toBe(false)
          await reader.query('COMMIT')
          await migrating
          await trafficOnEveryRoute(client)
          client.stop()
          await driving
          console.log(`${longest(client.sent.slice(0, began))} before, ${longest(client.sent.slice(began))} meanwhile`)
          expect(await process.end('SIGTERM')).toBe(0)
        } finally {
          client.stop()
          await process.end('SIGKILL')
          await reader.end()
        }
        expect(refusals(client.sent.slice(began))).toEqual({})
        await projectAll(place)
        expectNothingLost(client, await read())
      })
    })
  })
})

/** Migrates as the command line of the next release does; answers what was applied. */
async function migrated(place: string): Promise<readonly string[]> {
  const { url: connection, schema } = postgresPlace(place) ?? { url: place, schema: '' }
  const admin = await openPostgresAdmin({ url: connection, schema, now: () => Date.now() })
  const applied: string[] = []
  try {
    release.migrations = ALL
    applied.push(...(await admin.migrate()))
    return applied
  } finally {
    release.migrations = 0
    await admin.close()
  }
}

/** Opens the records as a server of a release does, which only looks. */
async function opened(place: string, which: 'this' | 'next'): Promise<void> {
  release.migrations = which === 'next' ? ALL : 0
  const { records } = storageAt(place)
  try {
    await records.open({
      kinds: ['flags', 'flag_overrides', 'limit_overrides'],
      usage: true,
      migrate: 'check',
      durability: 'process',
      now: () => Date.now(),
    })
  } finally {
    release.migrations = 0
    await records.close()
  }
}

async function trafficOnEveryRoute(client: LoadClient): Promise<void> {
  const from = client.sent.length
  const answers = (route: Route): number =>
    client.sent.slice(from).filter((sent) => sent.route === route && sent.status === 200).length
  await until(() => ROUTES.every((route) => answers(route) > 15), { what: 'traffic on every route' })
}

function longest(sent: readonly Sent[]): string {
  return `${Math.round(Math.max(...sent.map(({ ms = 0 }) => ms)))} ms at the most`
}
