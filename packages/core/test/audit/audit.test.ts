import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readQuery } from '../../src/audit/query.ts'
import type { AuditQuery, TimelineEvent } from '../../src/index.ts'
import { createThroughline, memoryStorage } from '../../src/index.ts'

const START = 1_770_000_000_000
const DAY = 86_400_000
let now = START
let throughline: ReturnType<typeof open>

const open = () => createThroughline({ storage: memoryStorage(), clock: { now: () => now } })

beforeEach(() => {
  now = START
  throughline = open()
})
afterEach(() => throughline.close())

const as = <R>(actor: string, fn: () => R | Promise<R>, tenant = 'acme'): Promise<R> =>
  throughline.run({ tenant, actor: { id: actor } }, fn)
const list = (query?: AuditQuery, tenant = 'acme') => as('reader', () => throughline.audit.list(query), tenant)
const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'passed',
    (error: { code: string }) => error.code,
  )

describe('an event of the app’s own', () => {
  it('is on the trail as soon as it resolves, before the context has ended', async () => {
    await as('ada', async () => {
      await throughline.audit.record({
        action: 'report.shared',
        targets: [{ type: 'report', id: '7', name: 'Sales' }],
        metadata: { with: 'bob', nested: { deep: [1, null, true] } },
      })
      const { events } = await throughline.audit.list({ action: 'report.shared' })
      expect(events).toMatchObject([
        {
          action: 'report.shared',
          outcome: 'success',
          actor: { id: 'ada', type: 'user' },
          targets: [{ type: 'report', id: '7', name: 'Sales' }],
          metadata: { with: 'bob', nested: { deep: [1, null, true] } },
          occurredAt: new Date(START).toISOString(),
          count: 1,
        },
      ])
    })
  })

  it('can not look like our own evidence, nor be what it is not', async () => {
    const bad: unknown[] = [
      { action: 'config.changed' },
      { action: 'auth.refused' },
      { action: 'platform.run' },
      { action: 'plan.refused' },
      { action: 'load.shed' },
      { action: 'Config.changed' },
      { action: 'report.shared', target: [{ type: 'report', id: '7' }] },
      null,
      undefined,
      'report.shared',
      { action: 'report' },
      { action: '' },
      { action: 7 },
      { action: `report.${'x'.repeat(100)}` },
      { action: 'report.shared', outcome: 'maybe' },
      { action: 'report.shared', targets: 'report' },
      { action: 'report.shared', targets: [{ id: '7' }] },
      { action: 'report.shared', targets: Array.from({ length: 51 }, () => ({ type: 'a', id: 'b' })) },
      { action: 'report.shared', targets: [{ type: 'report', id: 'x'.repeat(17_000) }] },
      {
        action: 'report.shared',
        targets: Array.from({ length: 50 }, () => ({ type: 'a', id: 'b', name: 'x'.repeat(400) })),
      },
      { action: 'report.shared', metadata: [] },
      { action: 'report.shared', metadata: { large: 'x'.repeat(9_000) } },
      { action: 'report.shared', metadata: { big: 1n } },
    ]
    for (const event of bad) {
      expect(await code(as('ada', () => throughline.audit.record(event as never))), String(event)).toBe('EVENT_INVALID')
    }
    expect((await list({ action: ['report.shared', 'config.changed', 'auth.refused'] })).events).toEqual([])
    expect(await code(as('ada', () => throughline.audit.record({ action: 'plan.chosen' })))).toBe('passed')
  })

  it('keeps no secret', async () => {
    const metadata = {
      password: 'hunter2',
      user: { apiKey: 'hunter2', name: 'ada' },
      list: [{ 'x-token': 'hunter2', credential: 'hunter2', access_key: 'hunter2', db_pwd: 'hunter2' }],
    }
    await as('ada', () => throughline.audit.record({ action: 'report.shared', metadata }))
    const { events } = await list()
    expect(JSON.stringify(events)).not.toContain('hunter2')
    expect(events.find(({ action }) => action === 'report.shared')?.metadata).toMatchObject({ user: { name: 'ada' } })
  })

  it('says all that is wrong at once', async () => {
    const wrong = as('ada', () => throughline.audit.record({ action: 'x', outcome: 'y', targets: 'z' } as never))
    await expect(wrong).rejects.toMatchObject({ details: { problems: { length: 3 } } })
  })
})

describe('a query', () => {
  beforeEach(async () => {
    for (const [day, actor, action] of [
      [0, 'ada', 'report.created'],
      [10, 'bob', 'report.shared'],
      [20, 'ada', 'report.shared'],
      [40, 'ada', 'report.deleted'],
    ] as const) {
      now = START + day * DAY
      await as(actor, () => throughline.audit.record({ action, metadata: { day } }))
    }
  })
  const days = async (query: AuditQuery): Promise<readonly unknown[]> =>
    (await list({ action: ['report.created', 'report.shared', 'report.deleted'], ...query })).events.map(
      ({ metadata }) => metadata.day,
    )

  it('filters by time, action and actor, together', async () => {
    expect(await days({})).toEqual([40, 20, 10, 0])
    expect(await days({ last: '30d' })).toEqual([40, 20, 10])
    expect(await days({ last: '480h' })).toEqual([40, 20])
    expect(await days({ from: START + 10 * DAY, to: new Date(START + 40 * DAY) })).toEqual([20, 10])
    expect(await days({ to: new Date(START + 10 * DAY).toISOString() })).toEqual([0])
    expect(await days({ action: 'report.shared' })).toEqual([20, 10])
    expect(await days({ actor: 'ada', action: ['report.shared', 'report.deleted'] })).toEqual([40, 20])
    expect((await list({ actor: 'bob' })).events.map(({ action }) => action)).toEqual([
      'run.completed',
      'report.shared',
    ])
  })

  it('may give a part of a millisecond', () => {
    expect(readQuery('acme', { from: 0.5, to: 1.5 }, START)).toMatchObject({ from: 1, to: 2 })
  })

  it('that makes no sense is refused, and says all of it', async () => {
    const bad: Record<string, unknown>[] = [
      { last: '30' },
      { last: '30 days' },
      { last: '30d', from: 0 },
      { from: 'yesterday' },
      { limit: 0 },
      { limit: 1_001 },
      { limit: '10' },
      { action: 7 },
      { actor: { id: 'ada' } },
      { cursor: 'x' },
      { cursor: Buffer.from('1.1; drop table').toString('base64url') },
      { consistency: 'eventual' },
      { acton: 'x' },
      { tenant: 'globex' },
      { from: 1_000, to: 999 },
      { last: '1d', to: START },
      null as never,
    ]
    for (const query of bad) expect(await code(list(query as never)), JSON.stringify(query)).toBe('QUERY_INVALID')
    await expect(list({ acton: 'x', limit: 0, last: 'x' } as never)).rejects.toMatchObject({
      details: { problems: { length: 3 } },
      message: expect.stringContaining('Did you mean "action"?'),
    })
    await expect(list({ limit: '10' as never })).rejects.toThrow('"limit" is "10"; it must be a whole number')
  })

  it('of the operator’s for a tenant that is no id is refused, and not on record as a look at one', async () => {
    await throughline.platform.run({ actor: { id: 'olga' }, reason: 'T-1' }, async ({ audit }) => {
      for (const tenant of [7, null, ['acme']] as never[]) {
        expect(await code(audit.list({ tenant })), String(tenant)).toBe('QUERY_INVALID')
        expect(() => audit.timeline({ tenant })).toThrow(/QUERY_INVALID/)
      }
      for (const query of [7, null, 'acme'] as never[]) {
        expect(await code(audit.list(query)), String(query)).toBe('QUERY_INVALID')
        expect(() => audit.timeline(query)).toThrow(/QUERY_INVALID: A query is an object/)
      }
      expect((await audit.list({ action: 'platform.read' })).events).toEqual([])
    })
  })
})

it('pages are one walk over everything, each event once, whatever their size and filter', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ events: fc.integer({ min: 0, max: 8 }), kind: fc.constantFrom('a', 'b') }), {
        maxLength: 30,
      }),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(undefined, 'test.a', ['test.a', 'test.b']),
      async (runs, limit, action) => {
        const own = open()
        try {
          let n = 0
          const recorded: string[] = []
          for (const { events, kind } of runs) {
            await own.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => {
              for (let i = 0; i < events; i++) {
                n += 1
                if (action === undefined || action === `test.${kind}` || Array.isArray(action)) recorded.push(String(n))
                await own.audit.record({ action: `test.${kind}`, metadata: { n: String(n) } })
              }
            })
          }
          const query = { limit, ...(action !== undefined && { action }) }
          const seen: TimelineEvent[] = []
          await own.run({ tenant: 'acme', actor: { id: 'reader' } }, async () => {
            for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
              const page = await own.audit.list({ ...query, ...(cursor !== undefined && { cursor }) })
              expect(page.events.length).toBeLessThanOrEqual(limit)
              seen.push(...page.events)
              cursor = page.next
            }
          })
          const mine = seen.filter(({ metadata }) => metadata.n !== undefined).map(({ metadata }) => metadata.n)
          expect(mine).toEqual(recorded.reverse())
          expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
          const walked: string[] = []
          await own.run({ tenant: 'acme', actor: { id: 'walker' } }, async () => {
            for await (const { id } of own.audit.timeline({ ...query, actor: 'ada' })) walked.push(id)
          })
          expect(walked).toEqual(seen.filter(({ actor }) => actor.id === 'ada').map(({ id }) => id))
        } finally {
          await own.close()
        }
      },
    ),
    { numRuns: 40 },
  )
})

it('a walk stays with the tenant that asked, whatever context reads on', async () => {
  await as('ada', () => throughline.audit.record({ action: 'test.mine', metadata: { of: 'acme' } }))
  await as('ada', () => throughline.audit.record({ action: 'test.mine', metadata: { of: 'globex' } }), 'globex')
  const walk = await as('ada', () => ({ events: throughline.audit.timeline({ action: 'test.mine' }) }))
  await as(
    'ada',
    async () => {
      for await (const { metadata } of walk.events) expect(metadata.of).toBe('acme')
    },
    'globex',
  )
})

it('a walk is of the time that was asked for, however long it takes', async () => {
  await as('ada', () => throughline.audit.record({ action: 'test.first' }))
  now += DAY
  await as('ada', () => throughline.audit.record({ action: 'test.last' }))
  const found: string[] = []
  await as('ada', async () => {
    for await (const { action } of throughline.audit.timeline({
      last: '24h',
      action: ['test.first', 'test.last'],
      limit: 1,
    })) {
      found.push(action)
      now += DAY
    }
  })
  expect(found).toEqual(['test.last', 'test.first'])
})
