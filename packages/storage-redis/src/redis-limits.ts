import type { LimitAnswer, LimitRequest, LimitsStore } from '@throughline/core/storage'
import { didYouMean, ThroughlineError } from '@throughline/core/storage'
import { endlessQueue } from './client-settings.ts'
import type { RedisClient } from './redis-client.ts'
import { isIoredis, isNodeRedis } from './redis-client.ts'
import { ScriptRunner } from './script-runner.ts'
import { TurnCalls } from './turn-calls.ts'

export interface RedisLimitsOptions {
  /** The app's own, of ioredis or node-redis: single, Sentinel or Cluster. It is never connected nor closed here. */
  readonly client: RedisClient
  /** Stands before every key, `throughline` unless said; without braces, which belong to the tenant. */
  readonly prefix?: string
  /** ms after which a call without an answer is rejected; 1,000 unless said. */
  readonly answerWithinMs?: number
  /** By whose clock it goes: the server's unless said; the caller's is for tests that turn it. */
  readonly clock?: 'server' | 'caller'
}

const OPTIONS = ['client', 'prefix', 'answerWithinMs', 'clock']

/**
 * Limits on Redis, shared by all processes that use the same prefix: each decision is one step of one script. While Redis
 * is not connected, decisions are rejected at once.
 *
 * @example
 * const redis = new Redis(process.env.REDIS_URL ?? 'redis://localhost', { maxRetriesPerRequest: 1, commandTimeout: 1_000 })
 * const storage = combine(knexStorage({ app: database }), { limits: redisLimits({ client: redis }) })
 *
 * @throws ThroughlineError `OPTIONS_INVALID` for options that are not valid, or what is no client
 */
export function redisLimits(options: RedisLimitsOptions): LimitsStore {
  checkOptions(options)
  const { client, prefix = 'throughline', answerWithinMs = 1_000, clock = 'server' } = options
  const warning = endlessQueue(client)
  if (warning) process.emitWarning(warning, { type: 'ThroughlineWarning', code: 'REDIS_QUEUE_ENDLESS' })
  return new LimitsOnRedis(new TurnCalls(new ScriptRunner(client, answerWithinMs), prefix), clock)
}

class LimitsOnRedis implements LimitsStore {
  readonly name = 'redis'
  readonly #calls: TurnCalls
  readonly #byCaller: boolean
  /** The caller's clock stands still where it goes back. */
  #now = 0

  constructor(calls: TurnCalls, clock: 'server' | 'caller') {
    this.#calls = calls
    this.#byCaller = clock === 'caller'
  }

  decide(request: LimitRequest, now: number): Promise<LimitAnswer> {
    return this.#calls.run(request, request.mode, this.#time(now), (answer) => answer.decisions(request))
  }

  async refund(request: LimitRequest, now: number): Promise<void> {
    await this.#calls.run(request, 'refund', this.#time(now), (answer) => answer.number())
  }

  async renew(request: LimitRequest, now: number): Promise<boolean> {
    const time = this.#time(now)
    if (request.lease === undefined) return false
    const operations = request.operations.filter(({ kind }) => kind === 'concurrency')
    if (operations.length === 0) return true
    return this.#calls.run({ ...request, operations }, 'renew', time, (answer) => answer.number() === 1)
  }

  /** The client is the app's to close, and what was used stays for other processes. */
  async close(): Promise<void> {}

  #time(now: number): string {
    if (!this.#byCaller) return ''
    if (now > this.#now) this.#now = now
    return String(this.#now)
  }
}

function checkOptions(options: RedisLimitsOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('It takes { client }.')
  const { client, prefix = '', answerWithinMs = 1, clock = 'server' } = options
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name))
  if (unknown) throw invalid(`"${unknown}" is no option.${didYouMean(unknown, OPTIONS)}`)
  if (typeof client !== 'object' || client === null || !(isIoredis(client) || isNodeRedis(client))) {
    throw invalid('"client" must be a client of ioredis or node-redis.')
  }
  if (typeof prefix !== 'string' || /[{}]/.test(prefix)) throw invalid('"prefix" must be a text without braces.')
  if (!(Number.isInteger(answerWithinMs) && answerWithinMs > 0)) {
    throw invalid('"answerWithinMs" must be a whole number above 0.')
  }
  if (clock !== 'server' && clock !== 'caller') throw invalid('"clock" must be "server" or "caller".')
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `redisLimits: ${problem} It is called as redisLimits({ client }).`,
    details: { problems: [problem] },
  })
}
