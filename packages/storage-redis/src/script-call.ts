import type { LimitOperation, LimitRequest } from '@throughline/core/storage'
import { besideKeyName, keyName } from './key-names.ts'
import { Script } from './script-runner.ts'
import { decideScript, type Kind } from './scripts/decide.ts'
import { TAKE_RATES } from './scripts/take-rates.ts'

/** What a script is to do: one of a request's modes, or what else the port asks for. */
export type Verb = LimitRequest['mode'] | 'refund' | 'renew'

const takeRates = new Script(TAKE_RATES)
/** By the kinds that they know, in the order of the alphabet. */
const scripts = new Map<string, Script>()
const KINDS: Readonly<Record<LimitOperation['kind'], Kind>> = { rate: 'r', window: 'w', concurrency: 'c' }

/** Requests that one run of a script carries out. */
export class ScriptCall {
  readonly keys: string[] = []
  readonly args: string[]
  readonly #prefix: string
  readonly #ratesOnly: boolean
  readonly #kinds = new Set<Kind>()

  constructor(prefix: string, time: string, ratesOnly: boolean) {
    this.#prefix = prefix
    this.#ratesOnly = ratesOnly
    this.args = [time]
  }

  get script(): Script {
    if (this.#ratesOnly) return takeRates
    const kinds = [...this.#kinds].sort()
    const name = kinds.join('')
    const script = scripts.get(name) ?? new Script(decideScript(kinds))
    scripts.set(name, script)
    return script
  }

  add({ group, operations, units, lease = '' }: LimitRequest, verb: Verb): void {
    const { keys, args } = this
    if (this.#ratesOnly) args.push(String(units), String(operations.length))
    else args.push(verb, String(units), lease, String(operations.length))
    for (const operation of operations) {
      keys.push(keyName(this.#prefix, group, operation.key))
      if (operation.kind === 'concurrency') keys.push(besideKeyName(this.#prefix, group, operation.key))
      if (!this.#ratesOnly) {
        this.#kinds.add(KINDS[operation.kind])
        args.push(KINDS[operation.kind])
      }
      addNumbers(args, operation)
    }
  }
}

/** Whether the short script will do. */
export function takesRatesOnly({ operations }: LimitRequest, verb: Verb): boolean {
  return verb === 'take' && operations.every(({ kind }) => kind === 'rate')
}

function addNumbers(args: string[], operation: LimitOperation): void {
  if (operation.kind === 'rate') {
    args.push(String(operation.perMs), String(operation.weight), String(operation.capacity), String(operation.cost))
  } else if (operation.kind === 'window') {
    args.push(String(operation.limit), String(operation.windowMs), String(operation.cost))
  } else args.push(String(operation.limit), String(operation.cost), String(operation.ttlMs))
}
