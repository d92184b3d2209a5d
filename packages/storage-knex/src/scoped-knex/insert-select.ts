import { ThroughlineError } from '@throughline/core/storage'
import { isBuilder, isRaw, type KnexBuilder, type KnexClient, type KnexFragment } from './knex-internals.ts'
import type { OwnedRows, TenantValue } from './owned-rows.ts'
import { parseTableName } from './table-name.ts'

/** The select that is to be inserted, if that is what is inserted; a callback is called to build it. */
export function selectOf(values: unknown, client: KnexClient): KnexBuilder | undefined {
  if (isBuilder(values)) return values
  if (typeof values !== 'function') return undefined
  const builder = client.queryBuilder()
  values.call(builder, builder)
  return builder
}

/**
 * Inserts by name what knex would insert by position: every column goes where its name says, and the tenant beside it.
 *
 * @throws ThroughlineError `SCOPE_UNSUPPORTED` when a selected column has no name that is known before the statement runs
 * @throws ThroughlineError `SCOPE_TENANT_MISMATCH` when one is the tenant column
 */
export function insertFromSelect(
  select: KnexBuilder,
  { column, tenant, sql: tenantSql }: { readonly column: string; readonly tenant: TenantValue; readonly sql: string },
  rows: OwnedRows,
  client: KnexClient,
): KnexFragment {
  const names = selectedNames(select)
  rows.refuseTenantColumn(names)
  const wrap = (name: string): string => client.wrapIdentifier(name, select.queryContext())
  const columns = names.map(wrap).join(', ')
  return {
    isRawInstance: true,
    toSQL() {
      const { sql, bindings } = client.queryCompiler(select).toSQL()
      return {
        sql: `(${columns}, ${wrap(column)}) select ${columns}, ${tenantSql} from (${sql}) as ${wrap('selected_rows')}`,
        bindings: [tenant, ...bindings],
      }
    },
  }
}

function selectedNames(select: KnexBuilder): readonly string[] {
  const names: string[] = []
  for (const statement of select._statements) {
    if (statement.grouping !== 'columns') continue
    if (statement.type !== undefined || !Array.isArray(statement.value)) throw unnamed()
    for (const column of statement.value as readonly unknown[]) names.push(...columnNames(column))
  }
  if (names.length === 0 || select._method !== 'select') throw unnamed()
  return names
}

function columnNames(column: unknown): readonly string[] {
  if (typeof column === 'string') {
    const name = parseTableName(column.includes('.') ? column.slice(column.indexOf('.') + 1) : column)
    const own = name?.alias ?? name?.table
    if (own === undefined || own === '*' || name?.schema !== undefined) throw unnamed()
    return [own]
  }
  if (typeof column === 'object' && column !== null && !isRaw(column) && !isBuilder(column)) return Object.keys(column)
  throw unnamed()
}

function unnamed(): ThroughlineError {
  return new ThroughlineError('SCOPE_UNSUPPORTED', {
    message: 'In an insert from a select, every selected column has to be named: a column, or `{ name: … }`.',
  })
}
