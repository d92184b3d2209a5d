import { load } from './load-client.ts'
import type { Placement, Variant } from './measured-process.ts'
import { MeasuredProcess, pinSelf } from './measured-process.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const ROUND_REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 20_000)

interface Round {
  readonly perSecond: number
  /** µs of CPU for each request: main thread, whole process. */
  readonly mainCpu: number
  readonly allCpu: number
  readonly p50: number
  readonly p99: number
}

/**
 * Bare Express against the full stack: tenant context, flag, limit in memory, meter, and a durable record on SQLite at
 * its default level. Both servers run all the time; rounds of load alternate between them.
 */
export async function benchHttp(): Promise<void> {
  if (!pinSelf()) console.log('taskset is not there: the cores are shared, read the CPU figures only.')
  console.log(`Node ${process.version}; ${ROUNDS} rounds of ${ROUND_REQUESTS} requests each, alternating; medians.`)
  console.log(
    'Durability: a record survives kill -9 (SQLite WAL, synchronous NORMAL), acknowledged after its commit.\n',
  )
  const express = await compare('main-alone', 'full', [
    [100, 50],
    [1, 50],
    [10, 50],
    [100, 1],
    [100, 300],
  ])
  const projecting = await compare('one-core', 'full', [[100, 50]])
  await compare('main-alone', 'quota', [[100, 50]])
  console.log(`
How to read it: "ratio" is bare CPU time over full CPU time of the server's core, which is throughput over bare
throughput when that core is busy; "by wall" is requests a second over requests a second. main-alone: the main thread
has core 0, our writer thread shares core 1 with the load generator. one-core: everything of the server is on core 0,
and the projector keeps up (see "waiting").`)
  console.log(JSON.stringify({ bench: 'http', ratios: { express, expressProjecting: projecting } }))
}

async function compare(placement: Placement, variant: Variant, shapes: [number, number][]): Promise<number> {
  const bare = await MeasuredProcess.start('bare', placement)
  const full = await MeasuredProcess.start(variant, placement)
  let headline = 0
  try {
    console.log(`${variant === 'quota' ? 'full stack with a hard quota' : 'full stack'}, ${placement}`)
    for (const server of [bare, full])
      await load({ port: server.port, connections: 100, tenants: 50, requests: 10_000 })
    for (const [connections, tenants] of shapes) {
      const requests = connections === 1 ? Math.ceil(ROUND_REQUESTS / 5) : ROUND_REQUESTS
      const rounds: { bare: Round; full: Round }[] = []
      const bytesBefore = await full.bytes()
      for (let i = 0; i < ROUNDS; i++) {
        rounds.push({
          bare: await round(bare, connections, tenants, requests),
          full: await round(full, connections, tenants, requests),
        })
      }
      const bytes = ((await full.bytes()) - bytesBefore) / (requests * ROUNDS)
      const waiting = await full.backlog()
      const of = (pick: (round: { bare: Round; full: Round }) => number): number => median(rounds.map(pick))
      const cpu = (each: Round): number => (placement === 'one-core' ? each.allCpu : each.mainCpu)
      const ratio = of((each) => cpu(each.bare) / cpu(each.full))
      headline ||= Number(ratio.toFixed(3))
      console.log(
        [
          `  c=${connections} tenants=${tenants}`.padEnd(22),
          `bare ${of((e) => e.bare.perSecond).toFixed(0)}/s`,
          `full ${of((e) => e.full.perSecond).toFixed(0)}/s`,
          `ratio ${ratio.toFixed(3)}`,
          `by wall ${of((e) => e.full.perSecond / e.bare.perSecond).toFixed(3)}`,
          `bare ${of((e) => cpu(e.bare)).toFixed(1)} µs`,
          `added ${of((e) => cpu(e.full) - cpu(e.bare)).toFixed(1)} µs main, ${of((e) => e.full.allCpu - e.bare.allCpu).toFixed(1)} µs all`,
          `p50 +${of((e) => e.full.p50 - e.bare.p50).toFixed(2)} ms`,
          `p99 +${of((e) => e.full.p99 - e.bare.p99).toFixed(2)} ms`,
          `${bytes.toFixed(0)} B/request`,
          `waiting ${waiting.rows} rows, ${waiting.ageMs} ms`,
        ].join('  '),
      )
    }
  } finally {
    await bare.stop()
    await full.stop()
  }
  return headline
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
  }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
