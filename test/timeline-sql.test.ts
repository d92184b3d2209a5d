import { join } from 'node:path'
import type { TimelineEvent } from '@throughline/core/storage'
import { knexStorage } from '@throughline/storage-knex'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import type { ServedApp } from './fixtures/served-app.ts'
import { serveApp } from './fixtures/served-app.ts'

interface Row {
  readonly seq: number | null
  readonly event_index: number
  readonly occurred_at: string
  readonly action: string
  readonly outcome: string
  readonly actor_id: string
  readonly targets: string
  readonly metadata: string
  readonly count: number
  readonly record_id: string
  readonly path: string | null
  readonly status: number | null
}

type Statement = readonly [sql: string, thread: 'writer' | 'reader']

interface Bench {
  readonly app: ServedApp
  readonly statements: Statement[]
  /** A DBA's connection. */
  readonly database: Database.Database
}

/** The serving app after a day of some traffic; nothing is projected but by reads. */
async function withTraffic(run: (bench: Bench) => Promise<void>): Promise<void> {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const statements: Statement[] = []
    const onStatement = (sql: string, thread: 'writer' | 'reader'): void => void statements.push([sql, thread])
    const app = await serveApp(knexStorage({ filename, onStatement }), { project: false, drainTimeout: 30_000 })
    const database = new Database(filename, { readonly: true })
    try {
      await traffic(app, 0)
      await run({ app, statements, database })
    } finally {
      database.close()
      await app.close()
    }
  })
}

/** Handled requests of several routes and users, a request without a user over and over, and the app's own events. */
async function traffic({ port, throughline }: ServedApp, from: number): Promise<void> {
  for (let i = from; i < from + 12; i++) {
    for (const tenant of ['acme', 'globex']) {
      const ask = (route: string, user: string | undefined): Promise<Response> =>
        fetch(`http://127.0.0.1:${port}/${route}`, {
          method: 'POST',
          headers: {
            'x-tenant': tenant,
            'x-request-id': `${tenant}-${i}`,
            'idempotency-key': `${tenant}-${i}`,
            ...(user !== undefined && { 'x-user': user }),
          },
        })
      expect((await ask('plain', `user-${i % 3}`)).status).toBe(200)
      expect((await ask('keyed', 'ann')).status).toBe(200)
      expect((await ask('noted', "o'neil")).status).toBe(200)
      expect((await ask('missing', 'ann')).status).toBe(404)
    }
    // Equal refusals of a minute are one event with a count.
    const refused = await fetch(`http://127.0.0.1:${port}/plain`, {
      method: 'POST',
      headers: { 'x-tenant': 'nowhere' },
    })
    expect(refused.status).toBe(404)
    await throughline
      .run({ tenant: 'acme', actor: { id: 'bo' } }, async () => {
        await throughline.audit.record({
          action: 'report.shared',
          targets: [{ type: 'report', id: String(i), name: 'Ümläut "quoted"' }],
          metadata: { nested: { list: [1, null, true] }, i },
        })
        if (i % 4 === 0) throw new TypeError('boom')
      })
      .catch((error) => expect(error).toBeInstanceOf(TypeError))
  }
}

async function all(events: AsyncIterable<TimelineEvent>): Promise<TimelineEvent[]> {
  const found: TimelineEvent[] = []
  for await (const event of events) found.push(event)
  return found
}

it('a page of the timeline is one SELECT, whatever is asked and wherever it begins', async () => {
  await withTraffic(async ({ app, statements }) => {
    const { throughline } = app
    await throughline.run({ tenant: 'acme', actor: { id: 'reader' } }, async () => {
      const everything = await all(throughline.audit.timeline())
      expect(everything.length).toBeGreaterThan(150)
      const moment = everything[60]?.occurredAt ?? ''
      const queries = [
        {},
        { limit: 7 },
        { last: '30d', limit: 50 },
        { from: moment, limit: 10 },
        { to: moment, limit: 10 },
        { actor: "o'neil", limit: 5 },
        { action: 'request.handled', limit: 9 },
        { action: 'report.shared', limit: 3 },
        { action: ['report.shared', 'error'], limit: 4 },
        { action: ['report.shared', 'flag.evaluated'], actor: 'bo', limit: 4 },
        { action: 'error', from: moment, limit: 1 },
      ]
      for (const query of queries) {
        const found: TimelineEvent[] = []
        for (let cursor: string | undefined, pages = 0; ; pages++) {
          expect(pages).toBeLessThan(200)
          statements.length = 0
          const page = await throughline.audit.list({
            ...query,
            consistency: 'projected',
            ...(cursor !== undefined && { cursor }),
          })
          // Beside it every second: whether another process has changed something.
          const asked = statements.filter(([sql]) => !sql.includes('throughline_versions'))
          expect(asked.map(([sql, thread]) => [/^(WITH|SELECT) /.test(sql), thread])).toEqual([[true, 'reader']])
          found.push(...page.events)
          cursor = page.next
          if (cursor === undefined) break
        }
        expect(found, JSON.stringify(query)).toEqual(everything.filter((event) => matches(event, query)))
        expect(found.length, JSON.stringify(query)).toBeGreaterThan(0)
      }
      // Waiting for what was acknowledged asks for the journal's state, not for the trail.
      statements.length = 0
      await throughline.audit.list({ limit: 5 })
      expect(statements.filter(([sql]) => /FROM throughline_(trail|notable)/.test(sql))).toHaveLength(1)
      expect(statements.filter(([sql]) => !/^(WITH|SELECT) /.test(sql))).toEqual([])
    })
  })
})

it('the view says by plain SQL what the timeline says, before it is projected and after', async () => {
  await withTraffic(async ({ app, database }) => {
    const view = database.prepare<[string], Row>('SELECT * FROM throughline_timeline WHERE tenant_id = ?')
    const trails = ['acme', 'globex', '$platform'] as const
    const rows = (): Record<string, unknown[]> =>
      Object.fromEntries(trails.map((trail) => [trail, view.all(trail).map(eventOf).sort(byPlace)]))

    const waiting = rows()
    expect(trails.every((trail) => view.all(trail).every((row) => row.seq === null))).toBe(true)
    const events = await readAll(app, trails)
    const projected = rows()
    for (const trail of trails) {
      const [own, read] = [projected[trail] ?? [], events[trail] ?? []]
      expect(own.length).toBeGreaterThan(0)
      // Reading is itself on the operator's record, after what is compared here.
      const known = new Set(read.map(({ place }) => place))
      const shown = own.filter((row) => known.has((row as { place: string }).place))
      expect(shown).toEqual(read)
      expect(waiting[trail]).toEqual(shown.filter((row) => waiting[trail]?.some((one) => samePlace(one, row))))
      expect(waiting[trail]?.length).toBeGreaterThan(0)
    }
    const refused = view.all('$platform').find(({ action }) => action === 'tenant.unknown')
    expect(refused?.count).toBe(12)

    // Half of it projected, half of it waiting; and a refusal of the same minute adds to one that is projected already.
    await traffic(app, 12)
    expect(view.all('$platform').find(({ action }) => action === 'tenant.unknown')?.count).toBe(24)
    const mixed = view.all('acme')
    expect(mixed.some((row) => row.seq === null) && mixed.some((row) => row.seq !== null)).toBe(true)
    const both = mixed.map(eventOf).sort(byPlace)
    const after = (await readAll(app, ['acme'])).acme ?? []
    expect(after).toEqual(both.filter(({ place }) => after.some((event) => event.place === place)))
    expect(after.length).toBeGreaterThanOrEqual(both.length)
  })
})

it('everything a tenant did in 30 days by action is one GROUP BY', async () => {
  await withTraffic(async ({ app, database }) => {
    const byAction = database.prepare<[string], { action: string; events: number }>(
      `SELECT action, sum(count) AS events FROM throughline_timeline
       WHERE tenant_id = ? AND occurred_at >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-30 days')
       GROUP BY action ORDER BY action`,
    )
    const counts = (): Record<string, number> =>
      Object.fromEntries(byAction.all('acme').map(({ action, events }) => [action, events]))
    const waiting = counts()
    const told: Record<string, number> = {}
    await app.throughline.run({ tenant: 'acme', actor: { id: 'reader' } }, async () => {
      for await (const { action, count } of app.throughline.audit.timeline({ last: '30d' })) {
        told[action] = (told[action] ?? 0) + count
      }
      // Inside of its own context, whose record is not written yet.
      expect(counts()).toEqual(told)
    })
    expect(told).toEqual(waiting)
    expect(told).toEqual({
      error: 3,
      'flag.evaluated': 36,
      'limit.passed': 36,
      'report.shared': 24,
      'request.handled': 48,
      'run.completed': 12,
      'usage.recorded': 36,
    })
  })
})

interface Comparable {
  readonly place: string
}

async function readAll(app: ServedApp, trails: readonly string[]): Promise<Record<string, Comparable[]>> {
  const read: Record<string, Comparable[]> = {}
  await app.throughline.platform.run({ actor: { id: 'op' }, reason: 'comparing' }, async (platform) => {
    for (const tenant of trails) {
      read[tenant] = (await all(platform.audit.timeline({ tenant }))).map(comparable).sort(byPlace)
    }
  })
  return read
}

/** An event apart from its number, which it has only once it is projected. */
function comparable(event: TimelineEvent) {
  const { id, occurredAt, action, outcome, actor, targets, metadata, count, context } = event
  const { path = null, status = null } = context.request ?? {}
  return {
    place: id,
    occurredAt,
    action,
    outcome,
    actor: actor.id,
    targets,
    metadata,
    count,
    path,
    status,
  }
}

function eventOf(row: Row): ReturnType<typeof comparable> {
  return {
    place: `${row.record_id}.${row.event_index}`,
    occurredAt: row.occurred_at,
    action: row.action,
    outcome: row.outcome as TimelineEvent['outcome'],
    actor: row.actor_id,
    targets: JSON.parse(row.targets),
    metadata: JSON.parse(row.metadata),
    count: row.count,
    path: row.path,
    status: row.status,
  }
}

function samePlace(a: unknown, b: unknown): boolean {
  return (a as Comparable).place === (b as Comparable).place
}

function byPlace(a: Comparable, b: Comparable): number {
  return a.place < b.place ? -1 : 1
}

function matches(
  event: TimelineEvent,
  query: { from?: string; to?: string; actor?: string; action?: string | readonly string[] },
): boolean {
  const { from, to, actor, action } = query
  const actions = action === undefined ? undefined : [action].flat()
  return (
    (from === undefined || event.occurredAt >= from) &&
    (to === undefined || event.occurredAt < to) &&
    (actor === undefined || event.actor.id === actor) &&
    (actions === undefined || actions.includes(event.action))
  )
}
