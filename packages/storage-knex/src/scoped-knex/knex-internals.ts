import type { EventEmitter } from 'node:events'
import type { Knex } from 'knex'

/**
 * The parts of knex 3 that its types leave out and that scoping stands on: which fields a builder has, which steps its
 * compiler takes. The only file that states them; `unknownToKnex` compares the names with the knex at hand.
 */
export interface KnexBuilder {
  client: KnexClient
  _method: string
  _single: KnexSingle
  _statements: readonly KnexStatement[]
  /** What `options(…)` was given: goes to the driver beside the statement. */
  _options?: readonly object[]
  /** Read by a compiler's constructor, and by nothing else. */
  _timeout: number | undefined
  clone(): KnexBuilder
  queryContext(): unknown
  toSQL(method?: string, timeZone?: string): unknown
  truncate(table?: string): KnexBuilder
}

/** What a statement has once: its table, its values. */
export interface KnexSingle {
  readonly table?: unknown
  readonly schema?: string
  readonly insert?: unknown
  readonly update?: Readonly<Record<string, unknown>>
  readonly counter?: Readonly<Record<string, unknown>>
  readonly onConflict?: unknown
  readonly merge?: { readonly updates?: unknown }
  /** Postgres: tables that an update or a delete reads beside its own. */
  readonly updateFrom?: unknown
  readonly using?: unknown
}

/** What a statement has any number of: columns, joins, predicates, CTEs. */
export interface KnexStatement {
  readonly grouping: string
  readonly [field: string]: unknown
}

export interface KnexJoin extends KnexStatement {
  readonly table: unknown
  readonly schema?: string
  readonly joinType: string
  readonly clauses: readonly object[]
}

/** `on((join) => …)`: the callback runs while the statement compiles. */
export interface KnexWrappedClause {
  readonly value: (this: KnexJoin, join: KnexJoin) => void
}

export interface KnexWith extends KnexStatement {
  readonly alias: string
  readonly recursive?: boolean
}

export interface KnexRaw {
  readonly isRawInstance: true
  client: KnexClient
  readonly sql: unknown
  readonly bindings: unknown
  readonly _wrappedBefore?: string
  readonly _wrappedAfter?: string
  toSQL(): unknown
}

/** SQL with its bindings, in the shape in which knex accepts a fragment wherever a table may stand. */
export interface KnexFragment {
  readonly isRawInstance: true
  toSQL(): { readonly sql: string; readonly bindings: readonly unknown[] }
}

export interface CompiledQuery {
  readonly sql: string
  readonly bindings: readonly unknown[]
}

export interface KnexCompiler {
  readonly client: KnexClient
  readonly builder: KnexBuilder
  readonly method: string
  readonly bindings: unknown[]
  readonly grouped: {
    readonly join?: readonly KnexJoin[]
    readonly with?: readonly KnexWith[]
    readonly union?: unknown
  }
  single: KnexSingle
  get tableName(): string
  toSQL(method?: string, timeZone?: string): CompiledQuery
  onlyUnions(): unknown
  with(): string
  withWrapped(statement: KnexWith): string
  where(): string | undefined
  insert(): unknown
  update(): unknown
  del(): unknown
  columnInfo(): unknown
  onWrapped(clause: KnexWrappedClause): string
  _joinTable(join: KnexJoin): unknown
  /** Postgres alone has these two. */
  using(): string | undefined
  _updateFrom(source: unknown): string
}

export interface KnexClient extends EventEmitter {
  readonly dialect: string
  readonly config: Knex.Config
  readonly pool: unknown
  queryBuilder(): KnexBuilder
  queryCompiler(builder: KnexBuilder, bindings?: unknown[]): KnexCompiler
  schemaBuilder(): unknown
  runner(statement: unknown): unknown
  raw(sql: unknown, bindings?: unknown): KnexRaw
  ref(name: string): KnexRaw
  wrapIdentifier(name: string, queryContext: unknown): string
  wrapIdentifierImpl(name: string): string
  customWrapIdentifier(name: string, wrap: (name: string) => string, queryContext: unknown): string
  initializePool(config?: unknown): void
  destroy(callback?: unknown): unknown
}

export type BuilderClass = new (client: KnexClient) => KnexBuilder
export type CompilerClass = new (client: KnexClient, builder: KnexBuilder, bindings?: unknown[]) => KnexCompiler
export type ClientClass = new (config: Knex.Config) => KnexClient

const STEPS = ['toSQL', 'onlyUnions', 'with', 'withWrapped', 'where', 'insert', 'update', 'del', 'columnInfo'] as const
const INNER_STEPS = ['onWrapped', '_joinTable'] as const

/** The names that this knex lacks of those scoping stands on; empty when it is one that we know. */
export function unknownToKnex(compiler: KnexCompiler, further: readonly string[]): readonly string[] {
  const missing = [...STEPS, ...INNER_STEPS, ...further].filter(
    (step) => typeof Reflect.get(compiler, step) !== 'function',
  )
  return 'tableName' in compiler ? missing : [...missing, 'tableName']
}

export function isRaw(value: unknown): value is KnexRaw {
  return typeof value === 'object' && value !== null && 'isRawInstance' in value && value.isRawInstance === true
}

export function isBuilder(value: unknown): value is KnexBuilder {
  return typeof value === 'object' && value !== null && '_statements' in value && '_single' in value
}
