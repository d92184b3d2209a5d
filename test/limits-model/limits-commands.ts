import assert from 'node:assert/strict'
import type { LimitOperation, LimitRequest, LimitsStore } from '@throughline/core/storage'
import type { LimitsUnderTest } from '@throughline/core/testing'
import fc from 'fast-check'
import { LimitsModel } from './limits-model.ts'

export interface LimitsPropertyOptions {
  /** Sequences of commands that are tried. */
  readonly runs: number
  /** Repeats what a failure has named. */
  readonly seed?: number
  /**
   * Whether the clock goes back at times: of a store that stands still as a whole then, as the one in memory does. Others
   * stand still by key, which the contract's cases hold.
   */
  readonly clockGoesBack?: boolean
}

type Call = 'decide' | 'refund' | 'renew'

const START = Date.UTC(2026, 10, 5, 12, 30)
const LEASES = ['first', 'second', 'third']
let groups = 0

/**
 * Sends random sequences of commands, on a virtual clock, to a store and to the model: each answer must be the same.
 *
 * @param create a store for one sequence; it may be the same each time, as each sequence has a group of its own
 */
export async function limitsProperty(
  create: () => Promise<LimitsUnderTest>,
  { runs, seed, clockGoesBack = false }: LimitsPropertyOptions,
): Promise<void> {
  const waits = [fc.constant(0), fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 5_000 })]
  const rare = [fc.constantFrom(1_000, 60_000, 120_000, 3_600_000, 40 * 86_400_000)]
  if (clockGoesBack) rare.push(fc.integer({ min: -100_000, max: -1 }))
  const wait = fc.oneof(
    ...waits.map((arbitrary) => ({ arbitrary, weight: 3 })),
    ...rare.map((arbitrary) => ({ arbitrary, weight: 1 })),
  )
  const commands = [decide, refund, renew].map((arbitrary) =>
    fc.tuple(arbitrary, wait).map(([{ call, request }, ms]) => new Command(call, request, ms)),
  )
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 40, size: 'max' }), async (sequence) => {
      const { limits, destroy } = await create()
      groups += 1
      const group = `model-${process.pid}-${groups}`
      try {
        await fc.asyncModelRun(() => ({ model: new LimitsModel(), real: { limits, group, now: START } }), sequence)
      } finally {
        await destroy()
      }
    }),
    { numRuns: runs, ...(seed !== undefined && { seed }) },
  )
}

interface Real {
  readonly limits: LimitsStore
  readonly group: string
  now: number
}

class Command implements fc.AsyncCommand<LimitsModel, Real> {
  readonly #call: Call
  readonly #request: Omit<LimitRequest, 'group'>
  readonly #waitMs: number

  constructor(call: Call, request: Omit<LimitRequest, 'group'>, waitMs: number) {
    this.#call = call
    this.#request = request
    this.#waitMs = waitMs
  }

  check(): boolean {
    return true
  }

  async run(model: LimitsModel, real: Real): Promise<void> {
    real.now += this.#waitMs
    const { group, now } = real
    const operations = this.#request.operations.map((it) => ({ ...it, key: `${group}\u0000${it.key}` }))
    const request = { ...this.#request, group, operations }
    assert.deepEqual(await real.limits[this.#call](request, now), model[this.#call](request, now), this.toString())
  }

  toString(): string {
    return `${this.#waitMs} ms later, ${this.#call} ${JSON.stringify(this.#request)}`
  }
}

const ENORMOUS = Number.MAX_SAFE_INTEGER

/** Policies that one key has in turn, by the key: small ones that are soon full, awkward ones, and the largest there are. */
const POLICIES: Readonly<Record<string, readonly LimitOperation[]>> = {
  minute: [rate('minute', 1, 600, 60_000), rate('minute', 7, 60_000, 600_000), rate('minute', 9, 60_000, 60_000)],
  hour: [rate('hour', 1, 360_000, 3_600_000), rate('hour', 5, 18, 90), rate('hour', 49, 98, 98)],
  large: [rate('large', 2 ** 40, 1_000, 2 ** 52), rate('large', 1, 1, 2 ** 52), rate('large', 1, 86_400_000, 2 ** 52)],
  second: [window('second', 5, 1_000), window('second', 3, 1_000), window('second', 7, 700)],
  month: [window('month', 10, 60_000), window('month', 10, 3_600_000), window('month', 1_424_217, 31_622_400_000 / 10)],
  jobs: [held('jobs', 3, 1_000), held('jobs', 1, 100), held('jobs', 10, 60_000)],
  seats: [held('seats', 2, 5_000), held('seats', ENORMOUS, 3_600_000)],
}

function rate(key: string, perMs: number, weight: number, capacity: number): LimitOperation {
  return { kind: 'rate', key, perMs, weight, capacity, cost: 1 }
}
function window(key: string, limit: number, windowMs: number): LimitOperation {
  return { kind: 'window', key, limit, windowMs, cost: 1 }
}
function held(key: string, limit: number, ttlMs: number): LimitOperation {
  return { kind: 'concurrency', key, limit, cost: 1, ttlMs }
}

const amount = fc.oneof(
  { arbitrary: fc.constant(1), weight: 6 },
  { arbitrary: fc.integer({ min: 1, max: 12 }), weight: 4 },
  { arbitrary: fc.constantFrom(2 ** 31, 2 ** 52, ENORMOUS), weight: 1 },
)
const operation = fc
  .tuple(fc.constantFrom(...Object.keys(POLICIES)), fc.nat({ max: 6 }), amount)
  // The first policy is the usual one.
  .map(([key, n, cost]) => ({ ...((POLICIES[key]?.[n] ?? POLICIES[key]?.[0]) as LimitOperation), cost }))
const operations = fc.uniqueArray(operation, { minLength: 1, maxLength: 4, selector: ({ key }) => key })
const parts = { operations, units: amount, lease: fc.constantFrom(...LEASES) }

const decide = fc
  .record({ ...parts, mode: fc.constantFrom('take', 'take', 'take', 'partial', 'partial', 'peek', 'force') })
  .map((request) => ({ call: 'decide' as const, request }))
const refund = fc.record(parts).map((it) => ({ call: 'refund' as const, request: { ...it, mode: 'take' as const } }))
const renew = fc.record(parts).map((it) => ({ call: 'renew' as const, request: { ...it, mode: 'take' as const } }))
