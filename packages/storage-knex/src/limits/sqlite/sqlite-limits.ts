import type { LimitAnswer, LimitRequest } from '@throughline/core/storage'
import type { KnexLimits } from '../knex-limits.ts'
import { LimitsClient } from './limits-client.ts'
import { startLimitsThread } from './start-limits-thread.ts'

/** To start a thread takes its time, and many processes may open the file at once. */
const OPEN_MS = 10_000

export interface SqliteLimitsOptions {
  /** The file that our tables live in, or `:memory:`. */
  readonly filename: string
  readonly clock: 'server' | 'caller'
  /** ms after which a call without an answer rejects. */
  readonly answerWithinMs: number
  /** ms that a transaction waits for another process's. */
  readonly busyTimeoutMs: number
  /** Every statement that is run, for tests that count them. */
  readonly onStatement?: ((sql: string) => void) | undefined
  /** In place of a worker thread, for tests. */
  readonly start?: typeof startLimitsThread | undefined
}

/** Limits in a file of their own: one thread of each process decides, in short transactions that exclude the others. */
export class SqliteLimits implements KnexLimits {
  readonly name = 'knex:sqlite'
  readonly #client: LimitsClient

  constructor({ answerWithinMs, onStatement, start = startLimitsThread, ...options }: SqliteLimitsOptions) {
    const trace = onStatement !== undefined
    this.#client = new LimitsClient({ start: () => start({ ...options, trace }), answerWithinMs, onStatement })
  }

  /** Makes the file where there is none, whatever is said about migrating: it holds nothing that is not forgotten soon. */
  open(): Promise<void> {
    return this.#client.call(['open'], OPEN_MS)
  }

  decide(request: LimitRequest, now: number): Promise<LimitAnswer> {
    return this.#client.call(['decide', request, now])
  }

  refund(request: LimitRequest, now: number): Promise<void> {
    return this.#client.call(['refund', request, now])
  }

  renew(request: LimitRequest, now: number): Promise<boolean> {
    return this.#client.call(['renew', request, now])
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
