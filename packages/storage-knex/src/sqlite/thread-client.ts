import { ThroughlineError } from '@throughline/core/storage'
import { errorOf, unavailable } from './failure.ts'
import type { Answer, Operation, Request, Trace } from './protocol.ts'
import { sharedClock } from './protocol.ts'
import type { Thread } from './start-thread.ts'

/** A thread that has just died is not started again at once. */
const RESTART_MS = 100

export interface ThreadClientOptions {
  start(): Thread
  /** ms after which an operation without an answer is given up. */
  readonly answerWithinMs: number
  /** Bytes of bodies that may wait for an answer; beyond it operations are refused at once. */
  readonly maxWaitingBytes: number
  readonly maxWaiting: number
  now(): number
  readonly onStatement?: ((sql: string) => void) | undefined
  /** The thread saw so many pages of the log that are not in the file. */
  readonly onUncopied?: ((frames: number) => void) | undefined
}

/** When the calls made so far leave: at the end of this turn's callback, or of the turn. */
export type Departure = 'soon' | 'turn'

interface Call {
  readonly operation: Operation
  readonly bytes: number
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

interface Message {
  readonly calls: readonly Call[]
  readonly deadline: number
  /** Nobody waits any more, but the thread still holds it. */
  givenUp: boolean
}

/** The main thread's end: all calls of one turn of the event loop cross in one message. */
export class ThreadClient {
  readonly #options: ThreadClientOptions
  #thread: Thread | undefined
  #queue: Call[] = []
  readonly #messages = new Map<number, Message>()
  #lastId = 0
  #waiting = 0
  #waitingBytes = 0
  /** Messages that somebody waits for: as long as there is one, the process stays. */
  #awaited = 0
  #microtask = false
  #immediate = false
  #timer: NodeJS.Timeout | undefined
  #timerAt = 0
  #died = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: ThreadClientOptions) {
    this.#options = options
  }

  /**
   * Has the thread perform an operation.
   *
   * @param bytes what it weighs, for the bound on what waits
   * @throws ThroughlineError `RECORDS_UNAVAILABLE`, `CLOSED`, or what the thread says
   */
  call<T>(operation: Operation, departure: Departure, bytes = 0): Promise<T> {
    const { maxWaiting, maxWaitingBytes } = this.#options
    if (this.#closed) return Promise.reject(new ThroughlineError('CLOSED'))
    if (this.#waiting >= maxWaiting || (this.#waiting > 0 && this.#waitingBytes + bytes > maxWaitingBytes)) {
      return Promise.reject(unavailable('Too much waits for the records database already.'))
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ operation, bytes, resolve, reject })
      this.#waiting += 1
      this.#waitingBytes += bytes
      this.#schedule(departure)
    })
  }

  /** Performs one operation that may take longer than others, alone in its message. */
  callAlone<T>(operation: Operation, answerWithinMs: number): Promise<T> {
    if (this.#closed) return Promise.reject(new ThroughlineError('CLOSED'))
    this.#flush()
    return new Promise<T>((resolve, reject) => {
      this.#waiting += 1
      this.#post([{ operation, bytes: 0, resolve, reject }], answerWithinMs)
    })
  }

  /** Lets what is under way finish, then ends the thread. */
  async close(): Promise<void> {
    if (this.#closed) return
    const thread = this.#thread
    const closed = thread && this.callAlone(['close'], this.#options.answerWithinMs)
    this.#closed = true
    await closed?.catch(() => undefined)
    await thread?.terminate()
  }

  #schedule(departure: Departure): void {
    if (departure === 'soon' && !this.#microtask) {
      this.#microtask = true
      queueMicrotask(() => {
        this.#microtask = false
        this.#flush()
      })
    } else if (departure === 'turn' && !this.#immediate && !this.#microtask) {
      this.#immediate = true
      setImmediate(() => {
        this.#immediate = false
        this.#flush()
      })
    }
  }

  #flush(): void {
    if (this.#queue.length === 0) return
    const calls = this.#queue
    this.#queue = []
    this.#post(calls, this.#options.answerWithinMs)
  }

  #post(calls: readonly Call[], answerWithinMs: number): void {
    const id = ++this.#lastId
    const message: Message = { calls, deadline: sharedClock() + answerWithinMs, givenUp: false }
    this.#messages.set(id, message)
    this.#awaited += 1
    try {
      const thread = this.#running()
      if (this.#awaited === 1) thread.ref()
      const request: Request = {
        id,
        now: this.#options.now(),
        deadline: message.deadline,
        operations: calls.map((call) => call.operation),
      }
      thread.postMessage(request)
      this.#arm(message.deadline)
    } catch (error) {
      this.#settle(id, (call) => call.reject(error))
    }
  }

  #running(): Thread {
    if (this.#thread) return this.#thread
    if (sharedClock() - this.#died < RESTART_MS) throw unavailable('The thread of the records database has ended.')
    const thread = this.#options.start()
    this.#thread = thread
    thread.on('message', (answer: Answer | Trace) => this.#receive(answer))
    thread.on('error', (error) => this.#lost(thread, error))
    thread.on('exit', () => this.#lost(thread, undefined))
    return thread
  }

  #receive(answer: Answer | Trace): void {
    if ('sql' in answer) {
      this.#options.onStatement?.(answer.sql)
      return
    }
    this.#settle(answer.id, (call, i) => {
      const result = answer.results?.[i]
      if (result && 'failure' in result) call.reject(errorOf(result.failure))
      else call.resolve(result?.value as never)
    })
    if (answer.uncopied !== undefined) this.#options.onUncopied?.(answer.uncopied)
  }

  #settle(id: number, decide: (call: Call, index: number) => void): void {
    const message = this.#messages.get(id)
    if (!message) return
    this.#messages.delete(id)
    for (const { bytes } of message.calls) this.#waitingBytes -= bytes
    this.#waiting -= message.calls.length
    if (message.givenUp) return
    this.#release()
    message.calls.forEach(decide)
  }

  #release(): void {
    this.#awaited -= 1
    if (this.#awaited === 0) this.#thread?.unref()
  }

  #lost(thread: Thread, error: unknown): void {
    if (this.#thread !== thread) return
    this.#thread = undefined
    this.#died = sharedClock()
    const failure = unavailable('The thread of the records database has ended.', error)
    for (const id of [...this.#messages.keys()]) this.#settle(id, (call) => call.reject(failure))
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
    let next = Number.POSITIVE_INFINITY
    for (const message of this.#messages.values()) {
      if (message.givenUp) continue
      if (message.deadline > now) {
        next = Math.min(next, message.deadline)
        continue
      }
      message.givenUp = true
      this.#release()
      const error = new ThroughlineError('RECORDS_UNAVAILABLE', {
        message: 'The records database did not answer in time.',
        details: { unanswered: true },
      })
      for (const call of message.calls) call.reject(error)
    }
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next)
  }
}
