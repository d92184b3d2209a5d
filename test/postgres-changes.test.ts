import { setTimeout } from 'node:timers/promises'
import type { Throughline } from '@throughline/core'
import { createThroughline, defineCatalog } from '@throughline/core'
import type { Storage } from '@throughline/core/storage'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { inPostgresDatabase } from './fixtures/postgres-schema.ts'
import { postgresPlace, storageAt, unnoticed } from './fixtures/records-place.ts'
import { postgresService } from './services.ts'
import { until } from './until.ts'

/** Contexts that are entered this long after a change was committed see it, in every process. */
const REACHES_MS = 2_000
/** How much longer than that is looked at. */
const MORE_MS = 300
const ENTERED_EVERY_MS = 20

const catalog = defineCatalog({ flags: { reports: { default: true } } })
type App = Throughline<typeof catalog>

const operator = { actor: { id: 'ops' }, reason: 'TICKET-7' }

const { url, isReachable } = await postgresService()

describe.skipIf(!isReachable).concurrent('changes on Postgres', () => {
  it.each([
    { notices: 'heard', asHeard: (storage: Storage) => storage },
    { notices: 'lost', asHeard: unnoticed },
  ])('a kill switch reaches 4 instances within 2 s, its notice $notices', async ({ notices, asHeard }) => {
    await inPostgresDatabase(url, async ({ place }) => {
      const storages = ['a', 'b', 'c', 'd'].map(() => asHeard(storageAt(place)))
      await withApps(storages, async ([first, ...others]) => {
        const apps = [first, ...others]
        const watches = apps.map((app) => new Watch(app))
        await until(() => watches.every(({ seen }) => seen.length > 5), { what: 'traffic' })
        await first.platform.run(operator, (platform) => platform.flags.define('reports', { default: false }))
        const committedAt = performance.now()
        await setTimeout(REACHES_MS + MORE_MS)
        await Promise.all(watches.map((watch) => watch.end()))
        const lags = watches.map((watch) => Math.round(watch.lastEnabledAt - committedAt))
        console.log(`notice ${notices}: last seen enabled ${lags.join(', ')} ms after the commit`)
        for (const { seen } of watches) {
          const after = seen.filter(({ at }) => at > committedAt + REACHES_MS)
          expect(after.length).toBeGreaterThan(0)
          expect(after.filter(({ enabled }) => enabled)).toEqual([])
        }
      })
    })
  })

  it.each([
    { clock: 'the same clock', aheadMs: 0 },
    { clock: 'a clock 20 s behind', aheadMs: -20_000 },
  ])('of two changes, one that began first and commits last reaches every process: $clock', async ({ aheadMs }) => {
    await inPostgresDatabase(url, async ({ place }) => {
      const patient = storageAt(place, { answerWithinMs: 20_000 })
      const storages = [patient, storageAt(place), storageAt(place)]
      await withApps(
        storages,
        async ([early, late, third]) => {
          const apps = [early, late, third]
          const everySees = async (tenant: string): Promise<boolean> =>
            (await Promise.all(apps.map((app) => isEnabled(app, tenant)))).every((enabled) => !enabled)
          await override(early, 'acme', true)
          await until(async () => !(await everySees('acme')) && !(await everySees('globex')))

          // It holds the row that the first change must write at last.
          const stranger = new pg.Client({ connectionString: postgresPlace(place)?.url })
          await stranger.connect()
          try {
            await stranger.query('BEGIN')
            await stranger.query(`SELECT FROM records.throughline_versions WHERE scope = 'acme' FOR UPDATE`)
            const first = override(early, 'acme', false)
            await until(async () => (await waitingForLocks(stranger)) === 1, { what: 'a change that waits' })
            await override(late, 'globex', false)
            // Every process has looked for changes since then.
            await until(() => everySees('globex'), { withinMs: REACHES_MS, what: 'the change that committed first' })
            expect(await everySees('acme')).toBe(false)
            await stranger.query('COMMIT')
            await first
            await until(() => everySees('acme'), { withinMs: REACHES_MS, what: 'the change that committed last' })
          } finally {
            await stranger.end()
          }
        },
        aheadMs,
      )
    })
  })
})

/** Enters contexts one after the other and remembers what each of them saw. */
class Watch {
  readonly seen: { readonly at: number; readonly enabled: boolean }[] = []
  readonly #running: Promise<void>
  #ended = false

  constructor(app: App) {
    this.#running = this.#run(app)
  }

  get lastEnabledAt(): number {
    return this.seen.findLast(({ enabled }) => enabled)?.at ?? Number.NaN
  }

  end(): Promise<void> {
    this.#ended = true
    return this.#running
  }

  async #run(app: App): Promise<void> {
    while (!this.#ended) {
      const at = performance.now()
      this.seen.push({ at, enabled: await isEnabled(app, 'acme') })
      await setTimeout(ENTERED_EVERY_MS)
    }
  }
}

type Three<T> = [T, T, T, ...T[]]

/** Instances that know nothing of each other but the database; the first one's clock is `aheadMs` ahead. */
async function withApps(
  storages: readonly Storage[],
  run: (apps: Three<App>) => Promise<void>,
  aheadMs = 0,
): Promise<void> {
  const apps: App[] = []
  try {
    for (const storage of storages) {
      const ahead = apps.length === 0 ? aheadMs : 0
      const app = createThroughline({ catalog, storage, clock: { now: () => Date.now() + ahead } })
      apps.push(app)
      await app.ready()
    }
    await run(apps as Three<App>)
  } finally {
    await Promise.all(apps.map((app) => app.close()))
  }
}

function isEnabled(app: App, tenant: string): Promise<boolean> {
  return app.run({ tenant, actor: { id: 'ann' } }, () => app.flags.isEnabled('reports'))
}

function override(app: App, tenant: string, value: boolean): Promise<void> {
  return app.platform.run(operator, (platform) => platform.flags.override(tenant, 'reports', value))
}

async function waitingForLocks(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ waiting: number }>(
    `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return rows[0]?.waiting ?? 0
}
