import { ThroughlineError } from '@throughline/core/storage'
import { errorOf } from '../../sqlite/failure.ts'
import { sharedClock } from '../../sqlite/protocol.ts'
import type { Thread } from '../../sqlite/start-thread.ts'
import { limitsUnavailable } from '../limits-failure.ts'
import type { LimitsCall, LimitsMessage, LimitsReply, LimitsTrace } from './limits-protocol.ts'

/** Calls that may wait; beyond it they are refused at once. */
const MAX_WAITING = 20_000
/** A thread that has just died is not started again at once. */
const RESTART_MS = 100

export interface LimitsClientOptions {
  start(): Thread
  /** ms after which a call without an answer is given up. */
  readonly answerWithinMs: number
  readonly onStatement?: ((sql: string) => void) | undefined
}

interface Waiting {
  readonly call: LimitsCall
  readonly deadline: number
  isSettled: boolean
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

/**
 * The main thread's end. One message is under way at a time: whatever is asked meanwhile goes together in the next one,
 * so that a transaction has the more calls in it the more there are.
 */
export class LimitsClient {
  readonly #options: LimitsClientOptions
  #thread: Thread | undefined
  #queue: Waiting[] = []
  #underWay: readonly Waiting[] | undefined
  #isScheduled = false
  /** Calls that somebody waits for: as long as there is one, the process stays. */
  #awaited = 0
  #timer: NodeJS.Timeout | undefined
  #timerAt = 0
  #diedAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(options: LimitsClientOptions) {
    this.#options = options
  }

  /**
   * Has the thread perform a call.
   *
   * @throws ThroughlineError `RECORDS_UNAVAILABLE`, `CLOSED`, or what the thread says
   */
  call<T>(call: LimitsCall, answerWithinMs: number = this.#options.answerWithinMs): Promise<T> {
    if (this.#isClosed) return Promise.reject(new ThroughlineError('CLOSED'))
    if (this.#awaited >= MAX_WAITING) {
      return Promise.reject(limitsUnavailable('Too much waits for the limits database already.'))
    }
    return new Promise<T>((resolve, reject) => {
      const deadline = sharedClock() + answerWithinMs
      this.#queue.push({ call, deadline, isSettled: false, resolve, reject })
      this.#awaited += 1
      if (this.#awaited === 1) this.#thread?.ref()
      this.#schedule()
      this.#arm(deadline)
    })
  }

  /** Lets what is under way finish, then ends the thread. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    const thread = this.#thread
    const closed = thread && this.call(['close'])
    this.#isClosed = true
    await closed?.catch(() => undefined)
    await thread?.terminate()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#underWay) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#send()
    })
  }

  #send(): void {
    if (this.#underWay) return
    const calls = this.#take()
    if (calls.length === 0) return
    try {
      const deadline = Math.max(...calls.map((it) => it.deadline))
      this.#running().postMessage({ deadline, calls: calls.map((it) => it.call) } satisfies LimitsMessage)
      this.#underWay = calls
    } catch (error) {
      for (const one of calls) this.#settle(one, () => one.reject(error))
    }
  }

  /** What goes into the next message: to close, and to open, is to be alone. */
  #take(): readonly Waiting[] {
    const queue = this.#queue.filter((it) => !it.isSettled)
    const alone = queue.findIndex(({ call }) => call[0] === 'close' || call[0] === 'open')
    const end = alone < 0 ? queue.length : Math.max(alone, 1)
    this.#queue = queue.slice(end)
    return queue.slice(0, end)
  }

  #running(): Thread {
    if (this.#thread) return this.#thread
    if (sharedClock() - this.#diedAt < RESTART_MS) throw limitsUnavailable('The thread of the limits has ended.')
    const thread = this.#options.start()
    this.#thread = thread
    thread.on('message', (reply: LimitsReply | LimitsTrace) => this.#receive(reply))
    thread.on('error', (error) => this.#lost(thread, error))
    thread.on('exit', () => this.#lost(thread, undefined))
    return thread
  }

  #receive(reply: LimitsReply | LimitsTrace): void {
    if ('sql' in reply) {
      this.#options.onStatement?.(reply.sql)
      return
    }
    const calls = this.#underWay ?? []
    this.#underWay = undefined
    calls.forEach((one, i) => {
      if ('failure' in reply) this.#settle(one, () => one.reject(errorOf(reply.failure)))
      else this.#settle(one, () => one.resolve(reply.values[i] as never))
    })
    this.#send()
  }

  #lost(thread: Thread, cause: unknown): void {
    if (this.#thread !== thread) return
    this.#thread = undefined
    this.#diedAt = sharedClock()
    const calls = [...(this.#underWay ?? []), ...this.#queue]
    this.#underWay = undefined
    this.#queue = []
    const error = limitsUnavailable('The thread of the limits has ended.', cause)
    for (const one of calls) this.#settle(one, () => one.reject(error))
  }

  #settle(one: Waiting, settle: () => void): void {
    if (one.isSettled) return
    one.isSettled = true
    this.#awaited -= 1
    if (this.#awaited === 0) this.#thread?.unref()
    settle()
  }

  #arm(deadline: number): void {
    if (this.#timer && this.#timerAt <= deadline) return
    clearTimeout(this.#timer)
    this.#timerAt = deadline
    // Where this process was busy for so long, the answer has come and was not read yet: that is done before it is late.
    const late = (): NodeJS.Immediate => setImmediate(() => this.#giveUp())
    this.#timer = setTimeout(late, Math.max(1, deadline - sharedClock())).unref()
  }

  #giveUp(): void {
    this.#timer = undefined
    const now = sharedClock()
    const error = limitsUnavailable('The limits database did not answer in time.')
    let next = Number.POSITIVE_INFINITY
    for (const one of [...(this.#underWay ?? []), ...this.#queue]) {
      if (one.isSettled) continue
      if (one.deadline > now) next = Math.min(next, one.deadline)
      else this.#settle(one, () => one.reject(error))
    }
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next)
  }
}
