import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inPostgresDatabase } from './fixtures/postgres-schema.ts'
import { postgresPlace } from './fixtures/records-place.ts'
import type { Look } from './fixtures/watcher.ts'
import { Watcher } from './fixtures/watcher.ts'
import { postgresService } from './services.ts'
import { until } from './until.ts'

/** Contexts that are entered this long after a change was committed see it, in every process. */
const REACHES_MS = 2_000
/** A context that is entered takes this long at the most to look. */
const SETTLED_MS = 200
/** Whoever only compares versions does so once in this time. */
const POLL_MS = 1_000
const TENANTS = ['acme', 'globex', 'initech', 'umbrella', 'hooli'] as const
const FLIPS = 4
/** Four processes that start at once, at the longest. */
const STARTING_MS = 60_000

const { url, isReachable } = await postgresService()

describe.skipIf(!isReachable)('changes of one process on Postgres, seen by 4', () => {
  /** They know nothing of each other but the database, and are in the midst of contexts of every tenant. */
  let watchers: readonly [Watcher, Watcher, Watcher, Watcher]
  let place: string
  let leave: () => Promise<void>

  beforeAll(async () => {
    watchers = [new Watcher(), new Watcher(), new Watcher(), new Watcher()]
    await new Promise<void>((resolve, reject) => {
      const used = inPostgresDatabase(url, async (database) => {
        const left = new Promise<void>((go) => {
          leave = () => {
            go()
            return used
          }
        })
        place = database.place
        resolve()
        await left
      })
      used.catch(reject)
    })
    const options = { place, answerWithinMs: 20_000, watched: TENANTS }
    await Promise.all(watchers.map((watcher) => watcher.open(options)))
    await Promise.all(TENANTS.map((tenant) => watchers[0].change({ kind: 'create', tenant })))
    await Promise.all(watchers.flatMap((watcher) => TENANTS.map((tenant) => watcher.sees(tenant, 'on', 0))))
  }, STARTING_MS)

  afterAll(async () => {
    try {
      expect(await Promise.all(watchers.map((watcher) => watcher.close()))).toEqual([0, 0, 0, 0])
    } finally {
      await Promise.all(watchers.map((watcher) => watcher.kill()))
      await leave()
    }
  }, STARTING_MS)

  it('a notice is faster than looking every second could be', async () => {
    await everybodyHears(true)
    const lags: number[] = []
    for (let flip = 0; flip < FLIPS; flip++) {
      const changer = watchers[flip % 4] as Watcher
      const on = flip % 2 === 1
      const at = await changer.change({ kind: 'switch', on })
      const others = watchers.filter((watcher) => watcher !== changer)
      const reached = await Promise.all(others.map((watcher) => watcher.sees('acme', on ? 'on' : 'off', at)))
      lags.push(...reached.map((time) => time - at))
    }
    lags.sort((a, b) => a - b)
    console.log(`seen after ${lags.map(Math.round).join(', ')} ms`)
    // Of those who only look, a quarter has looked by then.
    expect(lags[Math.floor(lags.length * 0.75)]).toBeLessThan(POLL_MS / 4)
  })

  it('a scheduled change holds in all from its time on, and not before', async () => {
    await everybodyHears(true)
    const scheduledAt = Date.now()
    const at = scheduledAt + POLL_MS
    await watchers[0].change({ kind: 'patch', on: false, at })
    const seen = await Promise.all(watchers.map((watcher) => watcher.looksPast(at + SETTLED_MS)))
    for (const { acme = [] } of seen) {
      expect(acme.filter((look) => look.at > scheduledAt && look.at < at - SETTLED_MS).every(isOn)).toBe(true)
      expect(acme.filter((look) => look.at >= at + SETTLED_MS).some(isOn)).toBe(false)
    }
    const revivedAt = await watchers[1].change({ kind: 'patch', on: true })
    await Promise.all(watchers.map((watcher) => watcher.sees('acme', 'on', revivedAt)))
  })

  describe.each([
    { notices: 'heard', hears: true },
    { notices: 'lost', hears: false },
  ])('notices $notices', ({ notices, hears }) => {
    it('a kill switch and a suspension act within 2 s', async () => {
      await everybodyHears(hears)
      const [first, second] = watchers
      const [killedAt, suspendedAt] = await Promise.all([
        first.change({ kind: 'switch', on: false }),
        second.change({ kind: 'suspend', tenant: 'globex' }),
      ])
      const due = Math.max(killedAt, suspendedAt) + REACHES_MS
      const seen = await Promise.all(watchers.map((watcher) => watcher.looksPast(due)))
      const lags = seen.map(({ acme = [], globex = [] }) => {
        expect([acme.at(-1)?.state, globex.at(-1)?.state]).toEqual(['off', 'suspended'])
        const stale = [
          ...acme.filter(({ state }) => state !== 'off').map(({ at }) => at - killedAt),
          ...globex.filter(({ state }) => state !== 'suspended').map(({ at }) => at - suspendedAt),
        ]
        return Math.max(...stale)
      })
      console.log(`notices ${notices}: last seen as before ${lags.map(Math.round).join(', ')} ms after the commit`)
      expect(lags.filter((lag) => lag > REACHES_MS)).toEqual([])

      const revivedAt = await second.change({ kind: 'switch', on: true })
      await first.change({ kind: 'reactivate', tenant: 'globex' })
      await Promise.all(watchers.map((watcher) => watcher.sees('globex', 'on', revivedAt)))
    })

    it('of two changes, the one that began first and commits last reaches all', async () => {
      await everybodyHears(hears)
      const [early, late] = watchers
      // Each tenant has a version by then that the next change raises.
      await Promise.all(
        ['umbrella', 'hooli'].map(async (tenant) => {
          const at = await early.change({ kind: 'override', tenant, on: true })
          await Promise.all(watchers.map((watcher) => watcher.sees(tenant, 'on', at)))
        }),
      )
      const stranger = new pg.Client({ connectionString: postgresPlace(place)?.url })
      await stranger.connect()
      try {
        // It holds the row that the first change must write at last.
        await stranger.query('BEGIN')
        await stranger.query(`SELECT FROM records.throughline_versions WHERE scope = 'umbrella' FOR UPDATE`)
        const first = early.change({ kind: 'override', tenant: 'umbrella', on: false })
        await until(() => isWaiting(stranger), { what: 'a change that waits for the lock' })
        const lateAt = await late.change({ kind: 'override', tenant: 'hooli', on: false })
        expect(Math.max(...(await reached('hooli', lateAt)))).toBeLessThan(REACHES_MS)
        // Each has looked for changes since, and has seen no more than there was.
        const seen = await Promise.all(watchers.map((watcher) => watcher.looksPast(lateAt)))
        expect(seen.map(({ umbrella }) => umbrella?.at(-1)?.state)).toEqual(['on', 'on', 'on', 'on'])
        expect(await isWaiting(stranger)).toBe(true)
        await stranger.query('COMMIT')
        expect(Math.max(...(await reached('umbrella', await first)))).toBeLessThan(REACHES_MS)
      } finally {
        await stranger.end()
      }
    })
  })

  function everybodyHears(hears: boolean): Promise<unknown> {
    return Promise.all(watchers.map((watcher) => watcher.hear(hears)))
  }

  /** ms after which each of them first sees a tenant's flag off. */
  function reached(tenant: string, after: number): Promise<readonly number[]> {
    return Promise.all(watchers.map(async (watcher) => (await watcher.sees(tenant, 'off', after)) - after))
  }
})

function isOn({ state }: Look): boolean {
  return state === 'on'
}

async function isWaiting(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return rows.length > 0
}
