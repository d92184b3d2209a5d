import { ThroughlineError } from '@throughline/core/storage'
import type { KnexClient, KnexRaw } from './knex-internals.ts'
import { judgeRaw, type Placeholders, type RawRules, type RawVerdict } from './raw-fragment.ts'

const REMEMBERED = 1_000

/** Decides which `raw(…)` may stand in a scoped statement. Verdicts are remembered by text. */
export class RawPolicy {
  readonly #rules: RawRules
  readonly #isTable: (word: string) => boolean
  readonly #known: ReadonlySet<unknown>
  readonly #refToSQL: unknown
  readonly #verdicts = new Map<string, RawVerdict>()

  constructor(client: KnexClient, rules: RawRules, isTable: (word: string) => boolean) {
    this.#rules = rules
    this.#isTable = isTable
    this.#refToSQL = client.ref('a').toSQL
    this.#known = new Set([this.#refToSQL, client.raw('1').toSQL])
  }

  /** @throws ThroughlineError `SCOPE_RAW_REFUSED` */
  check(raw: KnexRaw, place: 'expression' | 'value'): void {
    // Text is judged as knex writes it: another class could write something else.
    if (!this.#known.has(raw.toSQL)) throw refusedRaw('it is no `raw` of this knex')
    const text = raw.toSQL === this.#refToSQL ? '' : raw.sql
    if (typeof text !== 'string') throw refusedRaw('it is no text')
    this.checkText(`${raw._wrappedBefore ?? ''}${text}${raw._wrappedAfter ?? ''}`, raw.bindings, place)
  }

  /** @throws ThroughlineError `SCOPE_RAW_REFUSED` */
  checkText(sql: string, bindings: unknown, place: 'expression' | 'value'): void {
    const placeholders = placeholdersOf(bindings)
    const key = `${placeholders} ${sql}`
    let verdict = this.#verdicts.get(key)
    if (verdict === undefined) {
      verdict = judgeRaw(sql, this.#rules, this.#isTable, placeholders)
      if (this.#verdicts.size >= REMEMBERED) this.#verdicts.clear()
      this.#verdicts.set(key, verdict)
    }
    if (verdict.problem !== undefined) throw refusedRaw(verdict.problem)
    // In a list of values or assignments a second one would stand for another column.
    if (place === 'value' && verdict.list) throw refusedRaw('it is more than one value')
  }
}

/** As knex reads them: one value that is no object, or that is SQL itself, is an array of it. */
function placeholdersOf(bindings: unknown): Placeholders {
  if (bindings === undefined) return 'none'
  if (Array.isArray(bindings)) return bindings.length > 0 ? 'positions' : 'none'
  return typeof bindings === 'object' && bindings !== null && !('toSQL' in bindings) ? 'names' : 'positions'
}

export function refusedRaw(why: string): ThroughlineError {
  return new ThroughlineError('SCOPE_RAW_REFUSED', { message: `Raw SQL can not be scoped to a tenant: ${why}.` })
}
