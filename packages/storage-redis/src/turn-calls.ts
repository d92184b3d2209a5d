import type { LimitRequest } from '@throughline/core/storage'
import { isOneServer } from './one-server.ts'
import { ScriptAnswer } from './script-answer.ts'
import { ScriptCall, takesRatesOnly, type Verb } from './script-call.ts'
import type { ScriptRunner } from './script-runner.ts'

/** Keys of one call: nothing else runs on the server meanwhile, for some 300 µs. */
const MAX_KEYS = 100

interface OpenCall {
  readonly call: ScriptCall
  /** In the order of its requests: each reads its own part of the answer. */
  readonly waiting: { read(answer: ScriptAnswer): void; reject(error: unknown): void }[]
}

/**
 * What is asked in one turn of the event loop shares calls: those of one tenant always, those of all tenants where all
 * keys are on one server. A call costs client and server several times what one more decision in it does.
 */
export class TurnCalls {
  readonly #runner: ScriptRunner
  readonly #prefix: string
  readonly #open = new Map<string, OpenCall>()
  /** Whether all keys are on one server; it is not asked before it matters. */
  #oneServer: boolean | 'unknown' | 'asked' = 'unknown'

  constructor(runner: ScriptRunner, prefix: string) {
    this.#runner = runner
    this.#prefix = prefix
  }

  /**
   * @param time by which it goes (ms), or '' for the server's
   * @param read what is made of the request's part of the answer
   */
  run<T>(request: LimitRequest, verb: Verb, time: string, read: (answer: ScriptAnswer) => T): Promise<T> {
    const ratesOnly = takesRatesOnly(request, verb)
    // Texts of these parts are never the same for others: a time is digits.
    const name = `${time}${ratesOnly ? 'r' : 'a'}${this.#oneServer === true ? '' : request.group}`
    const open = this.#open.get(name) ?? this.#begin(name, time, ratesOnly)
    open.call.add(request, verb)
    if (open.call.keys.length >= MAX_KEYS) {
      this.#open.delete(name)
      this.#send(open)
    }
    return new Promise<T>((resolve, reject) => {
      open.waiting.push({ read: (answer) => resolve(read(answer)), reject })
    })
  }

  #begin(name: string, time: string, ratesOnly: boolean): OpenCall {
    const open = { call: new ScriptCall(this.#prefix, time, ratesOnly), waiting: [] }
    if (this.#open.size === 0) setImmediate(() => this.#flush())
    this.#open.set(name, open)
    return open
  }

  #flush(): void {
    if (this.#open.size > 1 && this.#oneServer === 'unknown') this.#ask()
    for (const open of this.#open.values()) this.#send(open)
    this.#open.clear()
  }

  #send({ call, waiting }: OpenCall): void {
    this.#runner
      .run(call.script, call.keys, call.args)
      .then((answer) => {
        const numbers = new ScriptAnswer(answer)
        for (const it of waiting) it.read(numbers)
      })
      .catch((error: unknown) => {
        // It has become a cluster since it was asked.
        if (error instanceof Error && error.message.startsWith('CROSSSLOT')) this.#oneServer = false
        for (const it of waiting) it.reject(error)
      })
  }

  #ask(): void {
    this.#oneServer = 'asked'
    isOneServer(this.#runner, this.#prefix).then(
      (answer) => {
        this.#oneServer = answer
      },
      // Not reached: calls fail too, and the next turn asks again.
      () => {
        this.#oneServer = 'unknown'
      },
    )
  }
}
