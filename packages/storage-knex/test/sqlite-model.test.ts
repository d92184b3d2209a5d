import type { DocumentWrite, JournalEvent, QuotaMove, RecordsStore, TimelineQuery } from '@throughline/core/storage'
import { encodeBatch, memoryStorage } from '@throughline/core/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inProcessThread } from './in-process-thread.ts'
import { scratchStorage } from './scratch-storage.ts'

const tenant = fc.constantFrom('acme', 'globex', '$platform')
/** Periods around the time of the records, and one far from it. */
const PERIODS = [
  '2026-11-01',
  '2025-11',
  '2025-10-15T04:00:00.000Z/2025-11-15T05:00:00.000Z',
  '2025-11-01T00:30:00.000Z/2025-11-01T12:30:00.000Z',
  '2025-11-01T12:30:00.000Z/2025-11-02T12:30:00.000Z',
]
const HOUR_OF_START = { from: 1_761_998_400_000, to: 1_762_002_000_000 }
const period = fc.constantFrom(...PERIODS)
const event: fc.Arbitrary<JournalEvent> = fc.oneof(
  fc
    .record({
      quantity: fc.integer({ min: 1, max: 9 }),
      key: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
      quotaPeriod: fc.option(period, { nil: undefined }),
      periodFrom: fc.option(fc.constant('2025-11-01T12:30:00.000Z'), { nil: undefined }),
    })
    .map(({ quantity, key, quotaPeriod, periodFrom }) => ({
      action: 'usage.recorded',
      targets: [{ type: 'meter', id: 'm' }],
      metadata: {
        quantity,
        ...(key && { key }),
        ...(quotaPeriod && { quotaPeriod }),
        ...(periodFrom && { periodFrom }),
      },
    })),
  fc
    .record({ after: fc.integer({ min: 0, max: 7_200_000 }), notable: fc.boolean() })
    .map(({ after, notable }) =>
      notable ? { action: 'x.done', after, notable: true as const } : { action: 'request.handled', after },
    ),
)
const record = fc.record({
  tenant,
  actor: fc.constantFrom('ann', 'bob'),
  events: fc.array(event, { minLength: 1, maxLength: 3 }),
  repeatsEarlier: fc.integer({ min: 0, max: 5 }),
})
const write: fc.Arbitrary<DocumentWrite> = fc
  .record({
    kind: fc.constantFrom('config' as const, 'members' as const),
    tenant,
    key: fc.constantFrom('', 'k'),
    value: fc.option(fc.integer(), { freq: 3 }),
    expect: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  })
  .map(({ expect: version, ...rest }) => ({ ...rest, ...(version !== undefined && { expect: version }) }))
const move: fc.Arbitrary<QuotaMove> = fc
  .record({
    tenant,
    period,
    delta: fc.integer({ min: -3, max: 5 }),
    limit: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
    seed: fc.option(fc.constantFrom({ from: 0, to: 0 }, { from: 0, to: 9e15 }, HOUR_OF_START), { nil: undefined }),
  })
  .map(({ limit, seed, ...rest }) => ({
    ...rest,
    meter: 'm',
    ...(limit !== undefined && { limit }),
    ...(seed && { seed }),
  }))
const step = fc.oneof(
  fc.record({
    do: fc.constant('append' as const),
    records: fc.array(record, { minLength: 1, maxLength: 4 }),
    lane: fc.integer({ min: 0, max: 1 }),
    again: fc.boolean(),
  }),
  fc.record({
    do: fc.constant('commit' as const),
    writes: fc.array(write, { maxLength: 3 }),
    quotas: fc.array(move, { maxLength: 2 }),
    record: fc.option(record),
    lane: fc.integer({ min: 0, max: 1 }),
  }),
  fc.record({
    do: fc.constant('project' as const),
    lane: fc.integer({ min: 0, max: 1 }),
    holder: fc.constantFrom('a', 'b'),
    maxRows: fc.integer({ min: 1, max: 3 }),
  }),
)
const query = fc
  .record(
    {
      actions: fc.constantFrom(['x.done'], ['request.handled', 'x.done'], ['usage.recorded']),
      actor: fc.constant('ann'),
      from: fc.integer({ min: 0, max: 40_000 }),
      to: fc.integer({ min: 0, max: 9_000_000 }),
      limit: fc.integer({ min: 1, max: 4 }),
    },
    { requiredKeys: ['limit'] },
  )
  .map(
    ({ from, to, ...rest }): Omit<TimelineQuery, 'tenant'> => ({
      ...rest,
      ...(from !== undefined && { from: 1_762_000_000_000 + from }),
      ...(to !== undefined && { to: 1_762_000_000_000 + to }),
    }),
  )

describe('SqliteRecords beside the reference', () => {
  it('says what the storage in memory says, after any sequence of calls', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.array(query, { maxLength: 3 }),
        async (steps, queries) => {
          let now = 1_762_000_000_000
          const scratch = await scratchStorage({ filename: ':memory:', start: inProcessThread() })
          const both: readonly RecordsStore[] = [scratch.records, memoryStorage().records]
          const agree = async (call: (records: RecordsStore) => Promise<unknown>) => {
            const [found, expected] = await Promise.all(both.map(call))
            expect(found).toEqual(expected)
          }
          try {
            for (const records of both) {
              await records.open({
                kinds: ['config', 'members'],
                usage: true,
                migrate: 'auto',
                durability: 'process',
                secret: 'the same',
                now: () => now,
              })
            }
            const seqs = [0, 0]
            let ids = 0
            const times = new Map<string, number>()
            const lines = (drafts: readonly (typeof record extends fc.Arbitrary<infer R> ? R : never)[]) =>
              encodeBatch(
                drafts.map(({ tenant: of, actor, events, repeatsEarlier }) => {
                  ids += 1
                  const earlier = `r${ids - repeatsEarlier}`
                  times.set(`r${ids}`, now)
                  const base = { id: `r${ids}`, tenant: of, at: now, actor: { type: 'user', id: actor } }
                  return JSON.stringify(
                    repeatsEarlier > 3 && times.has(earlier)
                      ? { ...base, events: [], repeat: { of: earlier, at: times.get(earlier), count: 2 } }
                      : { ...base, events },
                  )
                }),
              )
            for (const one of steps) {
              now += 1_000
              if (one.do === 'append') {
                const seq = Math.max(1, (seqs[one.lane] ?? 0) + (one.again ? 0 : 1))
                seqs[one.lane] = seq
                const body = lines(one.records)
                await agree((records) => records.append({ writer: `w${one.lane}`, seq, lane: one.lane, body }))
              } else if (one.do === 'commit') {
                const body = one.record ? lines([one.record]) : '[]'
                const { writes, quotas, lane } = one
                await agree((records) => records.commit({ writer: 'w', lane, writes, quotas, body }))
              } else {
                const { lane, holder, maxRows } = one
                await agree((records) => records.project({ lane, holder, leaseMs: 1_500, maxRows }))
              }
              await agree((records) => records.backlog())
            }
            for (const of of ['acme', 'globex', '$platform']) {
              await agree((records) => records.read({ tenant: of, kinds: ['config', 'members'] }))
              await agree((records) => records.usage({ tenant: of, from: 0, to: now + 10_000_000 }))
              for (const one of PERIODS) {
                const quotas = [{ tenant: of, meter: 'm', period: one, delta: 0 }]
                await agree((records) => records.commit({ writer: 'q', lane: 0, writes: [], quotas, body: '[]' }))
              }
              for (const one of [{ limit: 100 }, ...queries]) {
                let before: TimelineQuery['before']
                do {
                  const page = await scratch.records.timeline({ tenant: of, ...one, ...(before && { before }) })
                  await agree(async (records) => {
                    const { events, next } = await records.timeline({ tenant: of, ...one, ...(before && { before }) })
                    // Alarms of the operator's trail have ids of their own.
                    return { next, events: events.map((found) => (of === '$platform' ? { ...found, id: '' } : found)) }
                  })
                  before = page.next
                } while (before)
              }
            }
            await agree((records) => records.list({ kind: 'members', limit: 10 }))
            await agree(async (records) => sorted(await records.versions({ since: now - 5_000 })))
            await agree(async (records) => sorted(await records.versions({ scopes: ['acme', '$platform'] })))
          } finally {
            await scratch.destroy()
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})

function sorted<T extends { readonly scope: string }>(found: readonly T[]): T[] {
  return [...found].sort((a, b) => (a.scope < b.scope ? -1 : 1))
}
