import { randomUUID } from 'node:crypto'
import type {
  ConcurrencyOperation,
  LimitAnswer,
  LimitOperation,
  LimitRequest,
  LimitsStore,
  RateOperation,
  WindowOperation,
} from '../../storage/limits.ts'
import { HOUR, START } from './bench.ts'

/** A limits store to be tested. */
export interface LimitsUnderTest {
  readonly limits: LimitsStore
  /** Closes it and removes everything. */
  destroy(): Promise<void>
}

export type LimitsCases = Readonly<Record<string, (bench: LimitsBench) => Promise<void>>>

/** What cases say of a request beside its operations. */
type Terms = Partial<Pick<LimitRequest, 'mode' | 'units' | 'lease'>>

/** Each case begins after the one before, as the clock of a store goes on: 1,000 days. */
const BETWEEN_MS = 1_000 * 24 * HOUR
let benches = 0

/** A limits store with a clock that the case turns, policies of a group of its own, and short words for what cases do. */
export class LimitsBench {
  readonly #limits: LimitsStore
  readonly #group: string = randomUUID()
  /** ms; the start of an hour. */
  now: number

  constructor(limits: LimitsStore) {
    this.#limits = limits
    benches += 1
    this.now = START + 30 * 60_000 + benches * BETWEEN_MS
  }

  /** One unit each 100 ms, a burst of 3, unless said. */
  rate(name: string, numbers: Partial<RateOperation> = {}): RateOperation {
    return { kind: 'rate', key: this.#key(name), perMs: 1, weight: 100, capacity: 300, cost: 1, ...numbers }
  }

  /** 10 units a minute, unless said. */
  window(name: string, numbers: Partial<WindowOperation> = {}): WindowOperation {
    return { kind: 'window', key: this.#key(name), limit: 10, windowMs: 60_000, cost: 1, ...numbers }
  }

  /** 2 at once for 10 s, unless said. */
  held(name: string, numbers: Partial<ConcurrencyOperation> = {}): ConcurrencyOperation {
    return { kind: 'concurrency', key: this.#key(name), limit: 2, cost: 1, ttlMs: 10_000, ...numbers }
  }

  async decide(operations: readonly LimitOperation[], terms: Terms = {}): Promise<LimitAnswer> {
    return this.#limits.decide(this.#request(operations, terms), this.now)
  }

  /** Units that are granted. */
  async take(operation: LimitOperation, terms: Terms = {}): Promise<number> {
    return (await this.decide([operation], terms)).granted
  }

  /** Whole units that are left. */
  async left(operation: LimitOperation): Promise<number | undefined> {
    return (await this.decide([operation], { mode: 'peek' })).decisions[0]?.remaining
  }

  async refund(operations: readonly LimitOperation[], terms: Terms = {}): Promise<void> {
    await this.#limits.refund(this.#request(operations, terms), this.now)
  }

  async renew(operations: readonly LimitOperation[], lease: string): Promise<boolean> {
    return this.#limits.renew(this.#request(operations, { lease }), this.now)
  }

  #request(operations: readonly LimitOperation[], terms: Terms): LimitRequest {
    return { group: this.#group, operations, units: 1, mode: 'take', ...terms }
  }

  #key(name: string): string {
    return `${this.#group}\u0000${name}`
  }
}
