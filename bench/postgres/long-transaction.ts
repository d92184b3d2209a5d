import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { createThroughline } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import knex from 'knex'
import pg from 'pg'

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 60)
const WINDOWS = 6
/** Contexts that are open at a time; each one waits for its record. */
const CONCURRENT = 20
/** Of each of them between two contexts, ms on average: a steady load, not the most that goes. */
const BETWEEN_MS = 20

interface Window {
  readonly seconds: number
  readonly settled: number
  readonly p50: number
  readonly p99: number
  readonly journalRows: number
  readonly deadRows: number
  readonly journalBytes: number
  /** ms to look at what waits. */
  readonly looked: number
}

/**
 * Settle latency and the journal's size on Postgres under steady load, without and beside a transaction of a stranger
 * that stays open: Postgres keeps every row that it might still see.
 */
export async function benchLongTransaction(): Promise<void> {
  const url = process.env['THROUGHLINE_BENCH_POSTGRES'] ?? 'postgres://root@127.0.0.1:5432/test'
  const without = await measure(url, false)
  const beside = await measure(url, true)
  const ends = (windows: readonly Window[]): object => ({ first: windows[0], last: windows.at(-1) })
  console.log(JSON.stringify({ bench: 'long-transaction', without: ends(without), beside: ends(beside) }))
}

async function measure(url: string, held: boolean): Promise<readonly Window[]> {
  console.log(`\n${held ? 'Beside an open transaction' : 'Without one'}, ${SECONDS} s:`)
  const schema = `tl_bench_${process.pid}_${randomBytes(4).toString('hex')}`
  const database = knex({ client: 'pg', connection: url })
  const stranger = new pg.Client({ connectionString: url })
  await stranger.connect()
  const looking = new pg.Client({ connectionString: url })
  await looking.connect()
  const throughline = createThroughline({
    storage: knexStorage({ app: database, schema }),
    meters: { reports: { aggregate: 'count' } },
    journal: { spill: false },
  })
  try {
    await throughline.ready()
    if (held) {
      await stranger.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await stranger.query('SELECT txid_current()')
    }
    let taken: number[] = []
    let isEnded = false
    const work = async (nth: number): Promise<void> => {
      for (let i = 0; !isEnded; i++) {
        const started = performance.now()
        await throughline.run({ tenant: `tenant-${(nth + i) % 50}`, actor: { id: 'ann' } }, () =>
          throughline.usage.record('reports', 1),
        )
        taken.push(performance.now() - started)
        // Not all at once, or all would be one row.
        await setTimeout(Math.random() * 2 * BETWEEN_MS)
      }
    }
    const working = Promise.all(Array.from({ length: CONCURRENT }, (_, nth) => work(nth)))
    const windows: Window[] = []
    for (let nth = 1; nth <= WINDOWS; nth++) {
      await setTimeout((SECONDS / WINDOWS) * 1_000)
      const sorted = taken.sort((a, b) => a - b)
      taken = []
      const at = (share: number): number => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2))
      const started = performance.now()
      await throughline.health()
      const looked = Number((performance.now() - started).toFixed(2))
      // As the server itself does it each minute, at the soonest.
      await looking.query(`VACUUM ${schema}.throughline_journal`)
      const { rows } = await looking.query<{ rows: number; dead: number; bytes: number }>(
        `SELECT sum(pg_stat_get_dead_tuples(relid))::int AS dead, (SELECT count(*) FROM ${schema}.throughline_journal)::int AS rows,
  sum(pg_total_relation_size(relid))::float8 AS bytes FROM pg_partition_tree('${schema}.throughline_journal')`,
      )
      const window = {
        seconds: (SECONDS / WINDOWS) * nth,
        settled: sorted.length,
        p50: at(0.5),
        p99: at(0.99),
        journalRows: rows[0]?.rows ?? 0,
        deadRows: rows[0]?.dead ?? 0,
        journalBytes: rows[0]?.bytes ?? 0,
        looked,
      }
      console.log(
        `${window.seconds} s: ${window.settled} settled, p50 ${window.p50} ms, p99 ${window.p99} ms; journal: ` +
          `${window.journalRows} rows, ${window.deadRows} dead ones, ${Math.round(window.journalBytes / 1_024)} KiB, ` +
          `looked at in ${looked} ms`,
      )
      windows.push(window)
    }
    isEnded = true
    await working
    return windows
  } finally {
    await stranger.end()
    await throughline.close()
    await looking.query(`DROP SCHEMA ${schema} CASCADE`)
    await looking.end()
    await database.destroy()
  }
}
