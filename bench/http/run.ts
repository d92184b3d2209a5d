import { delayedLink } from './delayed-link.ts'
import { load } from './load-client.ts'
import type { Framework, Placement, Variant } from './measured-process.ts'
import { MeasuredProcess, pinSelf } from './measured-process.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
/** Fresh processes for the headline: one process of V8 differs from the next by a tenth for all of its life. */
const PROCESSES = Number(process.env['BENCH_PROCESSES'] ?? 3)
const ROUND_REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 20_000)

/** Connections, tenants. */
type Shape = readonly [number, number]

interface Round {
  readonly perSecond: number
  /** µs of CPU for each request: main thread, whole process. */
  readonly mainCpu: number
  readonly allCpu: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/**
 * Bare Express and Koa against the full stack: tenant context, flag, limit in memory, meter, and a durable record on SQLite at
 * its default level. Both servers run all the time; rounds of load alternate between them.
 */
export async function benchHttp(): Promise<void> {
  if (!pinSelf()) console.log('taskset is not there: the cores are shared, read the CPU figures only.')
  console.log(
    `Node ${process.version}; ${ROUNDS} rounds of ${ROUND_REQUESTS} requests each, alternating; medians. c=100 tenants=50 on ${PROCESSES} fresh pairs of processes.`,
  )
  console.log(
    'Durability: a record survives kill -9 (SQLite WAL, synchronous NORMAL), acknowledged after its commit.\n',
  )
  const express = await compare('express', 'main-alone', 'full', [
    [100, 50],
    [1, 50],
    [10, 50],
    [100, 1],
    [100, 300],
  ])
  const expressProjecting = await compare('express', 'one-core', 'full', [[100, 50]])
  await compare('express', 'main-alone', 'quota', [[100, 50]])
  const koa = await compare('koa', 'main-alone', 'full', [[100, 50]])
  const koaProjecting = await compare('koa', 'one-core', 'full', [[100, 50]])
  const expressPostgres = await comparePostgres()
  console.log(`
How to read it: "ratio" is bare CPU time over full CPU time of the server's core, which is throughput over bare
throughput when that core is busy; "by wall" is requests a second over requests a second. main-alone: the main thread
has core 0, our writer thread shares core 1 with the load generator. one-core: everything of the server is on core 0,
and the projector keeps up (see "waiting").`)
  console.log(
    JSON.stringify({ bench: 'http', ratios: { express, expressProjecting, koa, koaProjecting, expressPostgres } }),
  )
}

/** The same with the records on Postgres, near and 1 ms away; undefined where there is no server. */
async function comparePostgres(): Promise<number | undefined> {
  const server = new URL(process.env['THROUGHLINE_BENCH_POSTGRES'] ?? 'postgres://root@127.0.0.1:5432/test')
  const link = await delayedLink({ host: server.hostname, port: Number(server.port || 5_432) }, 1)
  try {
    const shapes: readonly Shape[] = [
      [100, 50],
      [10, 50],
    ]
    const near = await compare('express', 'main-alone', 'postgres', shapes, { THROUGHLINE_BENCH_POSTGRES: server.href })
    server.port = String(link.port)
    server.hostname = '127.0.0.1'
    console.log('with 1 ms of network delay to Postgres')
    await compare('express', 'main-alone', 'postgres', shapes, { THROUGHLINE_BENCH_POSTGRES: server.href })
    return near
  } catch (error) {
    console.log(`Postgres is left out: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  } finally {
    link.close()
  }
}

interface Pair {
  readonly bare: Round
  readonly full: Round
}

/** What each request of a stretch leaves on disk, and what waits to be projected after it. */
interface Left {
  readonly bytes: number
  readonly rows: number
  readonly ageMs: number
  /** On Postgres. */
  readonly statements: number
}

const STACKS: Readonly<Record<Variant, string>> = {
  bare: 'bare',
  full: 'full stack',
  quota: 'full stack with a hard quota',
  postgres: 'full stack, records on Postgres',
}

/** The first shape is the headline: it runs on several fresh pairs of processes, the others on the last of them. */
async function compare(
  framework: Framework,
  placement: Placement,
  variant: Variant,
  shapes: readonly Shape[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  console.log(`${framework}, ${STACKS[variant]}, ${placement}`)
  const [headline, ...others] = shapes as readonly [Shape, ...Shape[]]
  const measured: Pair[] = []
  for (let i = 1; i <= PROCESSES; i++) {
    const bare = await MeasuredProcess.start(framework, 'bare', placement)
    const full = await MeasuredProcess.start(framework, variant, placement, env)
    try {
      for (const server of [bare, full])
        await load({ port: server.port, connections: 100, tenants: 50, requests: 10_000 })
      const { pairs, left } = await alternate(bare, full, headline)
      measured.push(...pairs)
      if (i < PROCESSES) continue
      print(headline, placement, measured, left)
      for (const shape of others) {
        const other = await alternate(bare, full, shape)
        print(shape, placement, other.pairs, other.left)
      }
    } finally {
      await bare.stop()
      await full.stop()
    }
  }
  return Number(ratioOf(measured, placement).toFixed(3))
}

async function alternate(
  bare: MeasuredProcess,
  full: MeasuredProcess,
  [connections, tenants]: Shape,
): Promise<{ pairs: readonly Pair[]; left: Left }> {
  // Where each takes longer, fewer are as good.
  const slow = connections === 1 || full.variant === 'postgres'
  const requests = slow ? Math.ceil(ROUND_REQUESTS / 5) : ROUND_REQUESTS
  const pairs: Pair[] = []
  const [bytesBefore, statementsBefore] = [await full.bytes(), await full.statements()]
  for (let i = 0; i < ROUNDS; i++) {
    pairs.push({
      bare: await round(bare, connections, tenants, requests),
      full: await round(full, connections, tenants, requests),
    })
  }
  const bytes = ((await full.bytes()) - bytesBefore) / (requests * ROUNDS)
  const statements = ((await full.statements()) - statementsBefore) / (requests * ROUNDS)
  return { pairs, left: { bytes, statements, ...(await full.backlog()) } }
}

function print([connections, tenants]: Shape, placement: Placement, pairs: readonly Pair[], left: Left): void {
  const of = (pick: (pair: Pair) => number): number => median(pairs.map(pick))
  const cpu = (each: Round): number => cpuOf(each, placement)
  console.log(
    [
      `  c=${connections} tenants=${tenants}`.padEnd(22),
      `bare ${of((e) => e.bare.perSecond).toFixed(0)}/s`,
      `full ${of((e) => e.full.perSecond).toFixed(0)}/s`,
      `ratio ${ratioOf(pairs, placement).toFixed(3)}`,
      `by wall ${of((e) => e.full.perSecond / e.bare.perSecond).toFixed(3)}`,
      `bare ${of((e) => cpu(e.bare)).toFixed(1)} µs`,
      `added ${of((e) => cpu(e.full) - cpu(e.bare)).toFixed(1)} µs main, ${of((e) => e.full.allCpu - e.bare.allCpu).toFixed(1)} µs all`,
      `p50 +${of((e) => e.full.p50 - e.bare.p50).toFixed(2)} ms`,
      `p99 +${of((e) => e.full.p99 - e.bare.p99).toFixed(2)} ms`,
      `p99.9 +${of((e) => e.full.p999 - e.bare.p999).toFixed(2)} ms`,
      left.statements > 0 ? `${left.statements.toFixed(3)} statements/request` : `${left.bytes.toFixed(0)} B/request`,
      `waiting ${left.rows} rows, ${left.ageMs} ms`,
    ].join('  '),
  )
}

function ratioOf(pairs: readonly Pair[], placement: Placement): number {
  return median(pairs.map(({ bare, full }) => cpuOf(bare, placement) / cpuOf(full, placement)))
}

function cpuOf(round: Round, placement: Placement): number {
  return placement === 'one-core' ? round.allCpu : round.mainCpu
}

async function round(server: MeasuredProcess, connections: number, tenants: number, requests: number): Promise<Round> {
  const before = await server.cpu()
  const result = await load({ port: server.port, connections, tenants, requests })
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.requests} requests failed`)
  // What the projector still has to do belongs to these requests: its CPU time is counted too.
  while ((await server.backlog()).rows > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  const after = await server.cpu()
  return {
    perSecond: result.requests / result.seconds,
    mainCpu: (after.main - before.main) / result.requests,
    allCpu: (after.all - before.all) / result.requests,
    p50: result.p50,
    p99: result.p99,
    p999: result.p999,
  }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
