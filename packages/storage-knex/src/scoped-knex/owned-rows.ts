import { ThroughlineError } from '@throughline/core/storage'
import { isBuilder, isRaw } from './knex-internals.ts'
import type { DeclaredTable } from './options.ts'
import { refusedRaw } from './raw-policy.ts'
import type { Tables } from './tables.ts'

export type TenantValue = string | number

/** The one spelling that Postgres gives a UUID: in another, two tenants would be one. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The tenant's id as it is bound for a table.
 *
 * @throws ThroughlineError `SCOPE_TENANT_MISMATCH` when the id is none that the table's column can hold
 */
export function tenantValue(table: DeclaredTable, tenantId: string): TenantValue {
  if (table.type === 'integer') {
    const value = Number(tenantId)
    if (Number.isSafeInteger(value) && String(value) === tenantId) return value
    throw wrongType(table, 'whole numbers')
  }
  if (table.type === 'uuid' && !UUID.test(tenantId)) throw wrongType(table, 'UUIDs in lower case')
  // In UTF-8 the halves of a pair all look alike.
  if (!tenantId.isWellFormed()) throw wrongType(table, 'well-formed text')
  return tenantId
}

function wrongType({ name }: DeclaredTable, are: string): ThroughlineError {
  return new ThroughlineError('SCOPE_TENANT_MISMATCH', {
    message: `The tenants of "${name}" are ${are}, and this tenant's id is not.`,
    details: { table: name },
  })
}

/** Writes the tenant into what is inserted and watches over what is set. One for one table and tenant. */
export class OwnedRows {
  readonly #tables: Tables
  readonly #table: DeclaredTable
  readonly #tenant: TenantValue

  constructor(tables: Tables, table: DeclaredTable, tenant: TenantValue) {
    this.#tables = tables
    this.#table = table
    this.#tenant = tenant
  }

  /** The rows with the tenant column filled in; the app's own objects stay as they are. */
  insert(values: unknown): Record<string, unknown>[] {
    const rows: readonly unknown[] = Array.isArray(values) ? values : [values]
    const owned: Record<string, unknown>[] = []
    for (const row of rows) {
      if (row === undefined || row === null) break
      if (isRaw(row)) throw refusedRaw('it stands for rows')
      if (typeof row !== 'object' || Array.isArray(row) || isBuilder(row)) {
        throw new ThroughlineError('SCOPE_UNSUPPORTED', { message: 'A row to insert has to be an object.' })
      }
      owned.push(this.#fill(row))
    }
    return owned
  }

  /**
   * What is assigned, if it leaves the row with its tenant. Only what is the object's own: knex would write what it
   * inherits too, from a `__proto__` in parsed JSON for one.
   *
   * @throws ThroughlineError `SCOPE_TENANT_MISMATCH`
   */
  assigned(values: object): Record<string, unknown> {
    const own: Record<string, unknown> = Object.assign(Object.create(null), values)
    for (const [key, value] of Object.entries(own)) {
      if (value !== undefined && this.#isTenantColumn(key) && !this.#isTenant(value)) throw this.#mismatch()
    }
    return own
  }

  /** @throws ThroughlineError `SCOPE_TENANT_MISMATCH` when a column is the tenant's */
  refuseTenantColumn(columns: readonly string[]): void {
    if (columns.some((column) => this.#isTenantColumn(column))) throw this.#mismatch()
  }

  /**
   * A conflict has to be one with the tenant's own row, which it is when the key holds the tenant.
   *
   * @throws ThroughlineError `SCOPE_UNSUPPORTED`
   */
  checkConflictTarget(columns: unknown): void {
    if (Array.isArray(columns) && columns.some((name) => typeof name === 'string' && this.#isTenantColumn(name))) return
    throw new ThroughlineError('SCOPE_UNSUPPORTED', {
      message: `onConflict on "${this.#table.name}" has to name the columns of a key that holds "${this.#table.tenantColumn}".`,
      details: { table: this.#table.name },
    })
  }

  #fill(row: object): Record<string, unknown> {
    const owned: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(row)) {
      if (!this.#isTenantColumn(key)) owned[key] = value
      else if (value !== undefined && !this.#isTenant(value)) throw this.#mismatch()
    }
    owned[this.#table.tenantColumn] = this.#tenant
    return owned
  }

  #isTenantColumn(key: string): boolean {
    return this.#tables.isTenantColumn(this.#table, key)
  }

  #isTenant(value: unknown): boolean {
    if (value === this.#tenant) return true
    if (this.#table.type === 'uuid') return typeof value === 'string' && value.toLowerCase() === this.#tenant
    const comparable = typeof value === 'string' || typeof value === 'bigint'
    return this.#table.type === 'integer' && comparable && String(value) === String(this.#tenant)
  }

  #mismatch(): ThroughlineError {
    return new ThroughlineError('SCOPE_TENANT_MISMATCH', {
      message: `A row of "${this.#table.name}" can not be given to another tenant.`,
      details: { table: this.#table.name, column: this.#table.tenantColumn },
    })
  }
}
