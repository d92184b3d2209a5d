import { randomBytes } from 'node:crypto'
import type { JournalBatch } from '@throughline/core/storage'
import { describe, expect, it } from 'vitest'
import { until } from '../../../test/until.ts'
import { type PostgresScratch, postgresScratch, service } from './postgres-scratch.ts'
import { batchOf, openOptions } from './scratch-storage.ts'

const REQUEST = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 } as const
/** ms of batches in one partition, and where one of them begins. */
const SLOT = 5_000
const START = 1_762_000_005_000
/** Bytes of one batch, and batches of one partition: enough to be worth emptying. */
const BYTES = 40_000
const BATCHES = 10
const PARTITION = BYTES * BATCHES

interface Turning extends PostgresScratch {
  now: number
  /** Appends a large batch of now. */
  append(seq: number, writer?: string): Promise<JournalBatch>
  /** Appends a partition's worth of batches, and projects each. */
  fill(first: number): Promise<void>
  /** Projects what waits until nothing does. */
  project(): Promise<void>
  /** Bytes of one partition, or of all. */
  size(slot?: number): Promise<number>
}

async function using(run: (scratch: Turning) => Promise<void>): Promise<void> {
  const scratch = await postgresScratch()
  const { records, query } = scratch
  const turning: Turning = {
    ...scratch,
    now: START,
    async append(seq, writer = 'w') {
      const { body, ...rest } = batchOf('acme', seq, writer)
      const metadata = `,"metadata":{"m":"${randomBytes(BYTES / 2).toString('hex')}"}`
      const batch = { ...rest, at: turning.now, body: body.replace('"request.handled"', `$&${metadata}`) }
      await records.append(batch)
      return batch
    },
    async fill(first) {
      for (let seq = first; seq < first + BATCHES; seq++) {
        await turning.append(seq)
        await records.project(REQUEST)
      }
    },
    async project() {
      while ((await records.project(REQUEST)).more);
    },
    async size(slot) {
      const [row] = await query<{ bytes: string }>(
        `SELECT sum(pg_total_relation_size(relid)) AS bytes FROM pg_partition_tree('throughline_journal')
         WHERE $1::int IS NULL OR relid = to_regclass('throughline_journal_' || $1::int)`,
        [slot],
      )
      return Number(row?.bytes)
    },
  }
  try {
    await records.open(openOptions({ now: () => turning.now }))
    await run(turning)
  } finally {
    await scratch.destroy()
  }
}

const slotAt = (ms: number): number => Math.floor(ms / SLOT) % 3
const INSERT = 'INSERT INTO throughline_journal SELECT * FROM json_populate_record(NULL::throughline_journal, $1)'

describe.skipIf(!service.isReachable)('the journal on Postgres', () => {
  it('takes no more place beside a transaction that stays open, however much goes through it', async () => {
    await using(async (journal) => {
      const stranger = await journal.stranger()
      await stranger.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await stranger.query('SELECT txid_current()')
      const sizes: number[] = []
      for (let nth = 0; nth < 6; nth++) {
        await journal.fill(nth * BATCHES + 1)
        sizes.push(await journal.size())
        journal.now += SLOT
      }
      expect(Math.max(...sizes)).toBeLessThan(4 * PARTITION)
      expect(sizes.at(-1)).toBeGreaterThan(PARTITION)
      const { events } = await journal.records.timeline({ tenant: 'acme', limit: 200 })
      expect(events).toHaveLength(6 * BATCHES)
      expect((await journal.records.timeline({ tenant: '$platform', limit: 9 })).events).toEqual([])
    })
  })

  it('keeps a row whose transaction is under way, and its partition until that is over', async () => {
    await using(async (journal) => {
      const { records, query, stranger } = journal
      const slot = slotAt(journal.now)
      await journal.append(1, 'late')
      const [row] = await query('DELETE FROM throughline_journal RETURNING *')
      const late = await stranger()
      await late.query('BEGIN')
      await late.query(INSERT, [JSON.stringify(row)])
      await journal.fill(1)
      journal.now += 2 * SLOT
      await journal.project()
      expect(await journal.size(slot)).toBeGreaterThan(PARTITION)
      await late.query('COMMIT')
      // Committed, but not yet projected: still there to be.
      expect(await query('SELECT throughline_empty($1, 0) AS state', [slot])).toEqual([{ state: 'busy' }])
      journal.now += 1_000
      expect(await records.project(REQUEST)).toMatchObject({ rows: 1, records: 1 })
      expect(await journal.size(slot)).toBeLessThan(PARTITION / 4)
      const { events } = await records.timeline({ tenant: 'acme', limit: 200 })
      expect(events[0]?.id).toBe('late-1.0')
      expect(events).toHaveLength(BATCHES + 1)
    })
  })

  it('has a batch that is repeated later in one row, even while the first attempt is under way', async () => {
    await using(async (journal) => {
      const { records, query, stranger } = journal
      const batch = await journal.append(1)
      const [row] = await query('DELETE FROM throughline_journal RETURNING *')
      const first = await stranger()
      await first.query('BEGIN')
      await first.query(INSERT, [JSON.stringify(row)])
      journal.now += SLOT
      const again = journal.another()
      await again.open(openOptions({ now: () => journal.now }))
      const repeated = again.append(batch)
      const [self] = (await first.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows
      const waiting = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
      await until(async () => (await query(waiting, [self?.pid])).length > 0, { what: 'the repeated batch waiting' })
      await first.query('COMMIT')
      await repeated
      expect(await query('SELECT slot::int FROM throughline_journal')).toEqual([{ slot: slotAt(START) }])
      await journal.project()
      expect((await records.timeline({ tenant: 'acme', limit: 9 })).events).toHaveLength(1)
    })
  })

  it('is appended to and projected beside whoever reads the view for long, and emptied after that', async () => {
    await using(async (journal) => {
      const slot = slotAt(journal.now)
      await journal.fill(1)
      const reader = await journal.stranger()
      await reader.query('BEGIN')
      await reader.query('SELECT count(*) FROM throughline_timeline')
      journal.now += 2 * SLOT
      await journal.fill(BATCHES + 1)
      expect(await journal.size(slot)).toBeGreaterThan(PARTITION)
      await reader.query('COMMIT')
      journal.now += 1_000
      await journal.project()
      expect(await journal.size(slot)).toBeLessThan(PARTITION / 4)
      expect((await journal.records.timeline({ tenant: 'acme', limit: 200 })).events).toHaveLength(2 * BATCHES)
    })
  })
})
