import { didYouMean, ThroughlineError } from '@throughline/core/storage'
import { parseTableName } from './table-name.ts'

/** The column that says whose a row is. */
export interface ScopedTableOptions {
  /** `tenant_id` unless said here or for all tables. */
  readonly tenantColumn?: string
  /**
   * `integer`: the tenant's id is bound as a number, and one that is no whole number is refused. `uuid`: one that is no
   * UUID in lower case is refused. `string` unless said.
   */
  readonly type?: TenantType
}

export type TenantType = 'string' | 'integer' | 'uuid'

export interface ScopedKnexOptions {
  /** The tables whose rows belong to tenants. */
  readonly tables: readonly string[] | Readonly<Record<string, ScopedTableOptions>>
  /** Tables that every tenant may read, and none may write: countries, plans. */
  readonly shared?: readonly string[]
  /** The tenant column of all tables that name none; `tenant_id` unless said. */
  readonly tenantColumn?: string
  /** Functions, of your own or of an extension, that raw SQL may call on Postgres: they run as they are written. */
  readonly functions?: readonly string[]
  /** Whether the platform is at work, so that `unscoped` may be given: inside `platform.run` unless said. */
  readonly platform?: () => boolean
}

/** A table as it was declared. */
export interface DeclaredTable {
  readonly name: string
  readonly access: 'scoped' | 'shared'
  readonly tenantColumn: string
  readonly type: TenantType
}

const KNOWN = ['tables', 'shared', 'tenantColumn', 'functions', 'platform']
const TYPES: readonly unknown[] = ['string', 'integer', 'uuid']
const KNOWN_OF_TABLE = ['tenantColumn', 'type']

/**
 * Reads the declaration of all tables.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`, with every mistake in `details.problems`
 */
export function declaredTables(options: ScopedKnexOptions): readonly DeclaredTable[] {
  const problems = unknownKeys(options, KNOWN, '')
  const tenantColumn = options.tenantColumn ?? 'tenant_id'
  const tables: DeclaredTable[] = []
  for (const [name, own] of tableEntries(options.tables)) {
    problems.push(...unknownKeys(own, KNOWN_OF_TABLE, `tables.${name}.`))
    const type = own.type ?? 'string'
    if (!TYPES.includes(type)) problems.push(`tables.${name}.type: "${String(type)}" is none of ${TYPES.join(', ')}.`)
    tables.push({ name, access: 'scoped', tenantColumn: own.tenantColumn ?? tenantColumn, type })
  }
  if (tables.length === 0) problems.push('tables: declare at least one table.')
  for (const name of options.shared ?? []) tables.push({ name, access: 'shared', tenantColumn, type: 'string' })
  for (const { name, tenantColumn: column } of tables) {
    if (typeof name !== 'string' || parseTableName(name)?.alias !== undefined || parseTableName(name) === undefined) {
      problems.push(`"${String(name)}" is no table's name.`)
    }
    if (typeof column !== 'string' || !/^\w+$/.test(column)) {
      problems.push(`${name}: "${String(column)}" is no column's name.`)
    }
  }
  for (const name of options.functions ?? []) {
    if (typeof name !== 'string' || !/^\w+(\.\w+)?$/.test(name))
      problems.push(`"${String(name)}" is no function's name.`)
  }
  if (problems.length > 0) throw invalidOptions(problems)
  return tables
}

export function invalidOptions(problems: readonly string[]): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `The options of scopedKnex are not valid: ${problems.join(' ')}`,
    details: { problems },
  })
}

function tableEntries(tables: ScopedKnexOptions['tables']): readonly (readonly [string, ScopedTableOptions])[] {
  if (Array.isArray(tables)) return tables.map((name: string) => [name, {}] as const)
  return typeof tables === 'object' && tables !== null ? Object.entries(tables) : []
}

function unknownKeys(value: object, known: readonly string[], path: string): string[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => `${path}${key}: there is no such option.${didYouMean(key, known)}`)
}
