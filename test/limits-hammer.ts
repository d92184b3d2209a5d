import { expect } from 'vitest'
import type { Hammering, Spent } from './fixtures/limits-hammering.ts'
import { CONCURRENT, EXACT, LEASE_MS, REFILLING, SHARED, sharedBound } from './fixtures/limits-hammering.ts'
import { StartedProcess } from './fixtures/started-process.ts'
import { until } from './until.ts'

export interface HammerOptions {
  /** Path of a module that exports `openLimits(place): Promise<{ limits, close }>`. */
  readonly module: string
  /** What `openLimits` is given: a URL or a file, with whatever names keys of the test's own. */
  readonly place: string
  readonly processes: number
  readonly forMs: number
  /** Requests under way in each process. */
  readonly inFlight: number
}

/**
 * Processes that ask for the same tenant's policies at once, on the store's own clock: none of them is passed by a unit,
 * and what there is is given.
 */
export async function expectNoneAbove({ module, place, processes, forMs, inFlight }: HammerOptions): Promise<void> {
  const children = Array.from({ length: processes }, () => new StartedProcess('./limits-hammering-process.ts'))
  try {
    for (const it of children) it.send({ open: { module, place } })
    await Promise.all(children.map((it) => it.message('opened')))
    const began = Date.now()
    for (const it of children) it.send({ hammer: { forMs, inFlight } })
    const all = await Promise.all(children.map((it) => it.message<Hammering>('hammered')))
    const elapsed = Date.now() - began + 1
    const sum = (of: (one: Hammering) => number): number => all.reduce((total, one) => total + of(one), 0)
    const refilled = Math.floor((REFILLING.capacity + REFILLING.perMs * elapsed) / REFILLING.weight)
    const most = mostAtOnce(all.flatMap(({ held }) => held))
    console.log(
      `${processes} processes, ${sum(({ asked }) => asked)} decisions in ${elapsed} ms: ` +
        `${sum(({ refilling }) => refilling)} of ${refilled}, ${sum(({ exact }) => exact)} of ${EXACT.units}, ` +
        `${most} of ${CONCURRENT.limit} at once`,
    )
    expect(all.flatMap(({ failures }) => failures)).toEqual([])
    expect(sum(({ refilling }) => refilling)).toBeLessThanOrEqual(refilled)
    expect(sum(({ refilling }) => refilling)).toBeGreaterThanOrEqual(REFILLING.capacity / REFILLING.weight)
    expect(sum(({ exact }) => exact)).toBe(EXACT.units)
    expect(most).toBeLessThanOrEqual(CONCURRENT.limit)
    expect(most).toBeGreaterThan(1)
    expect(sum(({ refused }) => refused)).toBeGreaterThan(0)
    await expectSharesWithinBound(children, { forMs, inFlight })
  } finally {
    await Promise.all(children.map((it) => it.end('SIGKILL')))
  }
}

/** The same processes spend by shares that they take in advance: no more passes than what is stated. */
async function expectSharesWithinBound(
  children: readonly StartedProcess[],
  load: Pick<HammerOptions, 'forMs' | 'inFlight'>,
): Promise<void> {
  const began = Date.now()
  for (const it of children) it.send({ spend: load })
  const all = await Promise.all(children.map((it) => it.message<Spent>('spent')))
  const bound = sharedBound(children.length, Date.now() - began + 1)
  for (const name of Object.keys(SHARED) as (keyof typeof SHARED)[]) {
    const passed = all.reduce((sum, one) => sum + one.passed[name], 0)
    console.log(`by shares, of the ${name}: ${passed} of ${bound}`)
    expect(passed).toBeLessThanOrEqual(bound)
    expect(passed).toBeGreaterThanOrEqual(SHARED[name].burst / 2)
  }
  expect(all.map(({ degraded }) => degraded)).toEqual(all.map(() => 0))
  expect(all.some(({ refused }) => refused > 0)).toBe(true)
}

/** A process that holds all there is of a policy dies: it is to be had again once its leases end, and not before. */
export async function expectLeasesReturn({ module, place }: Pick<HammerOptions, 'module' | 'place'>): Promise<void> {
  const [holder, other] = [0, 1].map(() => new StartedProcess('./limits-hammering-process.ts')) as [
    StartedProcess,
    StartedProcess,
  ]
  try {
    for (const it of [holder, other]) it.send({ open: { module, place } })
    await Promise.all([holder, other].map((it) => it.message('opened')))
    const before = Date.now()
    holder.send({ hold: true })
    expect(await holder.message('held')).toBe(CONCURRENT.limit)
    const after = Date.now()
    await holder.end('SIGKILL')
    const take = async (): Promise<boolean> => {
      other.send({ hold: true })
      return (await other.message<number>('held')) > 0
    }
    const soon = await take()
    if (Date.now() - before < LEASE_MS) expect(soon).toBe(false)
    await until(take, { what: 'leases of a process that died', withinMs: LEASE_MS + 2_000 })
    expect(Date.now() - before).toBeGreaterThanOrEqual(LEASE_MS)
    // A second for a machine that is busy.
    expect(Date.now() - after).toBeLessThan(LEASE_MS + 1_000)
  } finally {
    await Promise.all([holder.end('SIGKILL'), other.end('SIGKILL')])
  }
}

/** How many of the spans (ms from, to) overlap at the most. */
function mostAtOnce(spans: readonly (readonly [number, number])[]): number {
  const moments = spans.flatMap(([from, to]) => [
    [from, 1],
    [to, -1],
  ]) as [number, number][]
  moments.sort(([a, up], [b, down]) => a - b || up - down)
  let now = 0
  let most = 0
  for (const [, step] of moments) {
    now += step
    most = Math.max(most, now)
  }
  return most
}
