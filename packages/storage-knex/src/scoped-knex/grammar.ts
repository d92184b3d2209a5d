import type { CompiledQuery } from './knex-internals.ts'
import type { TenantType } from './options.ts'
import { postgresGrammar } from './postgres-grammar.ts'
import type { RawRules } from './raw-fragment.ts'
import { sqliteGrammar } from './sqlite-grammar.ts'

/** Where the databases differ in what a statement means; all else is one and the same rewriting. */
export interface Grammar {
  /** The schema that a name without one stands for; `undefined` where that is the connection's to say. */
  readonly mainSchema: string | undefined
  /** The tenant's id as it stands beside the column that it is compared with, and alone in a list of columns. */
  readonly compared: Readonly<Record<TenantType, string>>
  readonly selected: Readonly<Record<TenantType, string>>
  /** Steps of this database's compiler, beyond those of all, that scoping stands on. */
  readonly steps: readonly string[]
  /** What may be said to the driver by `options(…)`; `undefined`: it takes nothing that changes the statement. */
  readonly driverOptions: ReadonlySet<string> | undefined
  /** A name as the database compares it. */
  fold(name: string): string
  /** Whether what knex writes for a name is that name and nothing else: for a table or an alias, and for a column. */
  isName(name: string): boolean
  isColumn(name: string): boolean
  /** Whether every placeholder has its binding, so that none slips to another's place. */
  isBound(query: CompiledQuery): boolean
  /** What raw SQL may hold; `functions` are the app's. */
  rawRules(functions: readonly string[]): RawRules
}

/** The grammar of a knex dialect; `undefined` for one that statements are not rewritten for. */
export function grammarOf(dialect: string): Grammar | undefined {
  if (dialect === 'sqlite3') return sqliteGrammar
  return dialect === 'postgresql' ? postgresGrammar : undefined
}
