import { didYouMean, ThroughlineError } from '@throughline/core/storage'
import type { Grammar } from './grammar.ts'
import { type DeclaredTable, invalidOptions } from './options.ts'
import { columnOf, parseTableName, type TableName } from './table-name.ts'

const REMEMBERED = 1_000

/** Turns the name the app uses into the database's (knex's `wrapIdentifier` option, snake case for one). */
export type PhysicalName = (name: string) => string

/** The declared tables, found by whatever spelling the database takes for the same one. */
export class Tables {
  readonly #byKey = new Map<string, DeclaredTable>()
  readonly #words = new Set<string>()
  /** By table: which spellings of a key were seen, and whether they are the tenant column. */
  readonly #tenantKeys = new Map<DeclaredTable, Map<string, boolean>>()
  readonly #physical: PhysicalName
  readonly #grammar: Grammar

  /** @throws ThroughlineError `OPTIONS_INVALID` when one table is declared twice, or has a name that no statement can have */
  constructor(declared: readonly DeclaredTable[], physical: PhysicalName, grammar: Grammar) {
    this.#physical = physical
    this.#grammar = grammar
    for (const table of declared) {
      const name = parseTableName(table.name)
      const key = name === undefined ? table.name : this.#key(name)
      const before = this.#byKey.get(key)
      if (before !== undefined) {
        throw invalidOptions([`"${before.name}" and "${table.name}" are one table; declare it once.`])
      }
      for (const part of [name?.schema, name?.table, table.tenantColumn]) {
        if (part !== undefined && !this.isName(part)) throw invalidOptions([`"${part}" is no name that can be scoped.`])
      }
      this.#byKey.set(key, table)
      this.#tenantKeys.set(table, new Map())
      this.#words.add(key.slice(key.indexOf('.') + 1).toLowerCase())
    }
  }

  find(name: TableName): DeclaredTable | undefined {
    return this.#byKey.get(this.#key(name))
  }

  /** @throws ThroughlineError `SCOPE_TABLE_UNKNOWN` for a table that is neither scoped nor shared */
  get(name: TableName): DeclaredTable {
    const table = this.find(name)
    if (table !== undefined) return table
    const used = name.schema === undefined ? name.table : `${name.schema}.${name.table}`
    throw unknownTable(
      used,
      [...this.#byKey.values()].map((known) => known.name),
    )
  }

  /** Whether a key of a row, or of `set`, is the tenant column, however it is spelt. */
  isTenantColumn(table: DeclaredTable, key: string): boolean {
    const seen = this.#tenantKeys.get(table)
    const before = seen?.get(key)
    if (before !== undefined) return before
    const is = this.#fold(columnOf(key)) === this.#fold(table.tenantColumn)
    if (seen !== undefined && seen.size < REMEMBERED) seen.set(key, is)
    return is
  }

  /** Whether a word of raw SQL names a declared table, in any case. */
  isTableWord(word: string): boolean {
    return this.#words.has(word.toLowerCase())
  }

  /** Whether the database takes a name for what it says, where a table or an alias may stand. */
  isName(name: string): boolean {
    return this.#grammar.isName(this.#physical(name))
  }

  /** The name of a CTE as the database compares it. */
  cteKey(name: string): string {
    return this.#fold(name)
  }

  #fold(name: string): string {
    return this.#grammar.fold(this.#physical(name))
  }

  #key({ schema, table }: TableName): string {
    const own = this.#fold(table)
    const space = schema === undefined ? undefined : this.#fold(schema)
    return space === undefined || space === this.#grammar.mainSchema ? own : `${space}.${own}`
  }
}

/** The error for a table that is not declared. */
export function unknownTable(used: string, known: readonly string[]): ThroughlineError {
  return new ThroughlineError('SCOPE_TABLE_UNKNOWN', {
    message: `The table "${used}" is not declared.${didYouMean(used, known)}`,
    details: { table: used },
  })
}
