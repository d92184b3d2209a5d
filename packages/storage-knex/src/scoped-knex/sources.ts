import { ThroughlineError } from '@throughline/core/storage'
import type { Grammar } from './grammar.ts'
import type { KnexClient } from './knex-internals.ts'
import type { DeclaredTable } from './options.ts'
import { parseTableName, type TableName } from './table-name.ts'
import type { Tables } from './tables.ts'

/** A named source of rows in SQL; the tenant is the one binding of `rows` and of `predicate`. */
export interface Source {
  /** `undefined`: a CTE, whose rows are the tenant's already. */
  readonly table: DeclaredTable | undefined
  /** The name and alias as they stand. */
  readonly plain: string
  /** The tenant's rows of the table, under the same alias. */
  readonly rows: string
  /** What holds for the tenant's rows in an update or delete of the table. */
  readonly predicate: string
}

const REMEMBERED = 1_000

/** Writes the names of tables out as SQL. */
export class Sources {
  readonly #client: KnexClient
  readonly #tables: Tables
  readonly #grammar: Grammar
  readonly #remembered = new Map<string, Source>()

  constructor(client: KnexClient, tables: Tables, grammar: Grammar) {
    this.#client = client
    this.#grammar = grammar
    this.#tables = tables
  }

  /** @throws ThroughlineError `SCOPE_TABLE_UNKNOWN` */
  named(text: string, schema: string | undefined, ctes: ReadonlySet<string>, queryContext: unknown): Source {
    if (schema !== undefined && typeof schema !== 'string')
      throw new ThroughlineError('SCOPE_TABLE_UNKNOWN', { message: 'A schema has to be named.' })
    const key = `${schema ?? ''}\n${text}`
    const before = queryContext === undefined ? this.#remembered.get(key) : undefined
    if (before !== undefined) return before
    const parsed = parseTableName(text)
    if (parsed === undefined)
      throw new ThroughlineError('SCOPE_TABLE_UNKNOWN', { message: `"${text}" is no table's name.` })
    const name: TableName = { ...parsed, schema: parsed.schema ?? schema }
    if (name.schema === undefined && ctes.has(this.#tables.cteKey(name.table)))
      return this.#write(name, undefined, queryContext)
    const source = this.#write(name, this.#tables.get(name), queryContext)
    if (queryContext === undefined && this.#remembered.size < REMEMBERED) this.#remembered.set(key, source)
    return source
  }

  /**
   * A CTE's name as the database compares it.
   *
   * @throws ThroughlineError `SCOPE_UNSUPPORTED` for one that hides a declared table
   */
  cteName(alias: string): string {
    const name = parseTableName(alias)
    if (name === undefined || name.schema !== undefined || name.alias !== undefined || !this.#tables.isName(alias)) {
      throw new ThroughlineError('SCOPE_UNSUPPORTED', { message: `"${alias}" is no name for a CTE.` })
    }
    if (this.#tables.find(name) !== undefined) {
      throw new ThroughlineError('SCOPE_UNSUPPORTED', {
        message: `The CTE "${alias}" has the name of a table; call it otherwise.`,
      })
    }
    return this.#tables.cteKey(name.table)
  }

  #write(name: TableName, table: DeclaredTable | undefined, queryContext: unknown): Source {
    const wrap = (text: string): string => {
      if (this.#tables.isName(text)) return this.#client.wrapIdentifier(text, queryContext)
      throw new ThroughlineError('SCOPE_TABLE_UNKNOWN', { message: `"${text}" is no table's name.` })
    }
    const own = wrap(name.table)
    const full = name.schema === undefined ? own : `${wrap(name.schema)}.${own}`
    const alias = name.alias === undefined ? own : wrap(name.alias)
    const plain = name.alias === undefined ? full : `${full} as ${alias}`
    if (table === undefined || table.access === 'shared') return { table, plain, rows: plain, predicate: '' }
    // Qualified: a column that the table lacks would else be looked for in the statement around it.
    const tenant = this.#grammar.compared[table.type]
    const owns = (of: string): string => `${of}.${wrap(table.tenantColumn)} = ${tenant}`
    return { table, plain, rows: `(select * from ${full} where ${owns(own)}) as ${alias}`, predicate: owns(alias) }
  }
}
