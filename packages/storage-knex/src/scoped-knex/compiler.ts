import { ThroughlineError } from '@throughline/core/storage'
import { builderTenant } from './builder.ts'
import { insertFromSelect, selectOf } from './insert-select.ts'
import { inspectBuilder, inspectClauses } from './inspect.ts'
import {
  type CompiledQuery,
  type CompilerClass,
  isBuilder,
  isRaw,
  type KnexFragment,
  type KnexJoin,
  type KnexWith,
  type KnexWrappedClause,
} from './knex-internals.ts'
import { OwnedRows, type TenantValue, tenantValue } from './owned-rows.ts'
import type { Frame, Scope } from './scope.ts'
import type { Source } from './sources.ts'

const SUPPORTED = new Set(['select', 'first', 'pluck', 'insert', 'update', 'del', 'columnInfo', 'where'])

/** On whose behalf a statement writes, and what it may write. */
interface Written {
  readonly column: string
  readonly tenant: TenantValue
  /** The tenant's placeholder. */
  readonly sql: string
  readonly rows: OwnedRows
}

/**
 * A compiler that reads every scoped table as the tenant's own rows of it, `(select * from t where t.tenant_id = ?) as t`,
 * and writes to no others. A table that is read alone, or written, keeps its name and gets the predicate. Builders stay
 * as they are, so that one compiled twice comes out the same.
 */
export function scopedCompiler(Base: CompilerClass, scope: Scope): CompilerClass {
  return class ScopedCompiler extends Base {
    #frame: Frame | undefined
    /** The table that `where` keeps to the tenant's rows: the one that is written, or the only one that is read. */
    #kept: { readonly source: Source; readonly tenant: TenantValue } | undefined
    #table: string | undefined

    override toSQL(method?: string, timeZone?: string): CompiledQuery {
      const verb = method ?? this.method
      if (!SUPPORTED.has(verb)) throw unsupported(`\`${verb}\` can not be scoped to a tenant.`)
      return scope.compile(builderTenant(this.builder), (frame) => {
        this.#frame = frame
        inspectBuilder(this.builder, scope.raws, scope.grammar)
        const query = super.toSQL(method, timeZone)
        if (frame.whole && !scope.grammar.isBound(query)) throw unsupported('Not every placeholder has its binding.')
        return query
      })
    }

    override get tableName(): string {
      this.#table ??= this.#kept?.source.plain ?? this.#readTable()
      return this.#table
    }

    /** Knex asks `tableName` here, before the columns are written, which would put its binding before theirs. */
    override onlyUnions(): unknown {
      return this.grouped.union !== undefined && !this.single.table ? super.onlyUnions() : false
    }

    override with(): string {
      const ctes = this.grouped.with ?? []
      if (ctes.length > 0) {
        const names = ctes.map((cte) => scope.sources.cteName(cte.alias))
        const visible = new Set(this.#current.ctes)
        if (ctes.some((cte) => cte.recursive)) for (const name of names) visible.add(name)
        this.#current.ctes = visible
      }
      return super.with()
    }

    override withWrapped(statement: KnexWith): string {
      const sql = super.withWrapped(statement)
      // From here on, and not before: in its own body the name would be a table's.
      this.#current.ctes = new Set(this.#current.ctes).add(scope.sources.cteName(statement.alias))
      return sql
    }

    override _joinTable(join: KnexJoin): unknown {
      return this.#readSource(join.table, join.schema) ?? super._joinTable(join)
    }

    override _updateFrom(source: unknown): string {
      return super._updateFrom(source && this.#readBeside(source))
    }

    override using(): string | undefined {
      const { using } = this.single
      if (using) {
        const sources: unknown[] = Array.isArray(using) ? using : [using]
        this.single = { ...this.single, using: sources.map((source) => this.#readBeside(source)) }
      }
      return super.using()
    }

    override onWrapped(clause: KnexWrappedClause): string {
      const inspected = function (this: KnexJoin, join: KnexJoin): void {
        clause.value.call(this, join)
        inspectClauses(join.clauses, scope.raws)
      }
      return super.onWrapped({ ...clause, value: inspected })
    }

    override where(): string | undefined {
      if (this.#kept === undefined) return super.where()
      const { predicate } = this.#kept.source
      this.bindings.push(this.#kept.tenant)
      const own = super.where()
      return own ? `where ${predicate} and (${own.slice('where '.length)})` : `where ${predicate}`
    }

    override insert(): unknown {
      const written = this.#write()
      const { rows } = written
      const { insert, onConflict, merge } = this.single
      const select = selectOf(insert, this.client)
      if (select !== undefined) {
        if (onConflict !== undefined) throw unsupported('`onConflict` can not be scoped in an insert from a select.')
        this.single = { ...this.single, insert: insertFromSelect(select, written, rows, this.client) }
        return super.insert()
      }
      if (onConflict !== undefined) rows.checkConflictTarget(onConflict)
      this.single = { ...this.single, insert: rows.insert(insert) }
      const updates = merge?.updates
      if (typeof updates === 'object' && updates !== null && !Array.isArray(updates)) {
        this.single = { ...this.single, merge: { updates: rows.assigned(updates) } }
      }
      return super.insert()
    }

    override update(): unknown {
      const { rows } = this.#write()
      const { update, counter } = this.single
      this.single = { ...this.single, update: rows.assigned(update ?? {}) }
      rows.refuseTenantColumn(Object.keys(counter ?? {}))
      return super.update()
    }

    override del(): unknown {
      this.#write()
      return super.del()
    }

    override columnInfo(): unknown {
      const { table, schema } = this.single
      if (typeof table !== 'string') throw unsupported('`columnInfo` needs the name of a table.')
      scope.sources.named(table, schema, NO_CTES, undefined)
      return super.columnInfo()
    }

    get #current(): Frame {
      if (this.#frame === undefined) throw unsupported('A part of a statement can not be compiled alone.')
      return this.#frame
    }

    #write(): Written {
      const { table, schema } = this.single
      if (typeof table !== 'string') throw unsupported('Rows can be written to a named table only.')
      if (this.grouped.join !== undefined) throw unsupported('A join has no place in a statement that writes.')
      const source = scope.sources.named(table, schema, NO_CTES, this.builder.queryContext())
      const declared = source.table
      if (declared?.access !== 'scoped') throw unsupported(`The table "${table}" is shared: tenants only read it.`)
      const tenant = tenantValue(declared, this.#current.tenantId)
      const rows = new OwnedRows(scope.tables, declared, tenant)
      this.#kept = { source, tenant }
      return { column: declared.tenantColumn, tenant, sql: scope.grammar.selected[declared.type], rows }
    }

    #readTable(): string {
      const { table, schema } = this.single
      if (!table) return ''
      if (typeof table === 'string' && this.grouped.join === undefined)
        return this.#readAlone(this.#named(table, schema))
      const fragment = this.#readSource(table, schema)
      if (fragment === undefined) return super.tableName
      const { sql, bindings } = fragment.toSQL()
      this.bindings.push(...bindings)
      return sql
    }

    /** A derived table costs SQLite some 10 µs a statement, and here a predicate says the same. */
    #readAlone(source: Source): string {
      const { table, plain } = source
      if (table?.access === 'scoped') this.#kept = { source, tenant: tenantValue(table, this.#current.tenantId) }
      return plain
    }

    /** The source that a name or `{ alias: name }` stands for; `undefined` for a sub-query, which scopes itself. */
    #readSource(table: unknown, schema: string | undefined): KnexFragment | undefined {
      if (typeof table === 'string') return this.#fragment([this.#named(table, schema)])
      if (isSubQuery(table)) return undefined
      if (typeof table !== 'object' || table === null || isRaw(table)) throw unsupported('A table has to be named.')
      const entries = Object.entries(table)
      if (entries.length > 0 && entries.every(([, of]) => isSubQuery(of))) return undefined
      return this.#fragment(
        entries.map(([alias, of]) => {
          if (typeof of !== 'string')
            throw unsupported('Tables and sub-queries can not be mixed in one `{ alias: … }`.')
          return this.#named(`${of} as ${alias}`, schema)
        }),
      )
    }

    /** What a write reads beside its own table; knex gives it no schema. */
    #readBeside(source: unknown): unknown {
      return this.#readSource(source, undefined) ?? source
    }

    #named(text: string, schema: string | undefined): Source {
      return scope.sources.named(text, schema, this.#current.ctes, this.builder.queryContext())
    }

    #fragment(sources: readonly Source[]): KnexFragment {
      const bindings: TenantValue[] = []
      for (const { table } of sources) {
        if (table?.access === 'scoped') bindings.push(tenantValue(table, this.#current.tenantId))
      }
      const sql = sources.map(({ rows }) => rows).join(', ')
      return { isRawInstance: true, toSQL: () => ({ sql, bindings }) }
    }
  }
}

const NO_CTES: ReadonlySet<string> = new Set()

function isSubQuery(value: unknown): boolean {
  return typeof value === 'function' || isBuilder(value)
}

function unsupported(message: string): ThroughlineError {
  return new ThroughlineError('SCOPE_UNSUPPORTED', { message })
}
