import { timeOfText } from '../catalog/flag-operands.ts'
import { describe } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import { frozenCopy } from '../frozen-copy.ts'
import { isPlainObject } from '../plain-object.ts'
import { isTenantId } from '../tenant-id.ts'
import type { Json, Tenant, TenantStatus } from '../vocabulary.ts'

/** What is read of a row of the app's own organizations table, whatever else its interface or class has. */
export interface TenantColumns {
  readonly id: string | number
  readonly plan?: string | null
  readonly status?: string | null
  readonly name?: string | null
  readonly createdAt?: string | number | Date | null
  readonly created_at?: string | number | Date | null
  /** IANA name: quotas count in its days and months; an attribute as well. `time_zone` says the same. */
  readonly timeZone?: string | null
  readonly time_zone?: string | null
  /** What the months of quotas are counted from; an attribute as well. `billing_anchor` says the same. */
  readonly billingAnchor?: string | number | Date | null
  readonly billing_anchor?: string | number | Date | null
  readonly attributes?: Readonly<Record<string, unknown>> | null
}

/** A row of the app's own organizations table. Columns that are not named become attributes. */
export interface TenantRow extends TenantColumns {
  readonly [column: string]: unknown
}

const NAMED = new Set(['id', 'plan', 'status', 'name', 'createdAt', 'created_at', 'attributes'])

/** A row of the app's table as a tenant: frozen; any status but `suspended` counts as active. */
export function tenantFromRow(row: TenantColumns): Tenant {
  const created = isoTime(row.createdAt ?? row.created_at)
  const columns = Object.entries(row).filter(([column]) => !NAMED.has(column))
  // Not assigned one by one: `__proto__` is a name like any other.
  const attributes = Object.fromEntries<unknown>([...Object.entries(row.attributes ?? {}), ...columns])
  return Object.freeze({
    id: String(row.id),
    status: row.status === 'suspended' ? 'suspended' : 'active',
    ...(typeof row.plan === 'string' && { plan: row.plan }),
    ...(typeof row.name === 'string' && { name: row.name }),
    ...(created !== undefined && { createdAt: created }),
    ...calendarTerms(attributes),
    // The app's own row stays as it is, and what it does with it later changes no snapshot.
    attributes: frozenCopy(attributes),
  })
}

/**
 * What attributes say of the tenant's calendar. Whatever is there is handed on, so that what can not be read is noticed;
 * only `null` and `''` say nothing.
 */
export function calendarTerms(
  attributes: Readonly<Record<string, unknown>>,
): Pick<Tenant, 'timeZone' | 'billingAnchor'> {
  const zone = given(attributes, 'timeZone') ?? given(attributes, 'time_zone')
  const anchor = given(attributes, 'billingAnchor') ?? given(attributes, 'billing_anchor')
  return {
    ...(zone !== undefined && { timeZone: String(zone) }),
    ...(anchor !== undefined && { billingAnchor: anchorValue(anchor) }),
  }
}

function given(attributes: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  return value === null || value === '' ? undefined : value
}

function anchorValue(value: unknown): string | number {
  if (typeof value === 'number') return value
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : String(value)
}

/** What `platform.tenants.create` takes. */
export interface NewTenant {
  readonly id: string
  readonly plan?: string
  readonly name?: string
  /** IANA name: quotas count in its days and months. Kept as the attribute `timeZone`. */
  readonly timeZone?: string
  /**
   * What the months of quotas are counted from: a day of the month (1 to 31), or a date or time in ISO 8601. Kept as the
   * attribute `billingAnchor`.
   */
  readonly billingAnchor?: string | number
  readonly attributes?: Readonly<Record<string, Json>>
}

const MAX_NAME = 200
/** Characters of their JSON. */
const MAX_ATTRIBUTES = 16_384
const GIVEN = ['id', 'plan', 'name', 'timeZone', 'billingAnchor', 'attributes']

/** A tenant as our own table keeps it. */
export interface StoredTenant {
  readonly plan: string | null
  readonly status: TenantStatus
  readonly name: string | null
  readonly createdAt: string
  readonly attributes: Readonly<Record<string, Json>>
}

/**
 * Checks a new tenant.
 *
 * @throws ThroughlineError `TENANT_INVALID`
 */
export function newTenantRow(tenant: NewTenant, now: number): StoredTenant {
  if (typeof tenant !== 'object' || tenant === null)
    throw invalid(`A tenant is { id, plan?, name?, … }, not ${describe(tenant)}.`)
  // What is passed over is lost.
  const unknown = Object.keys(tenant).find((name) => !GIVEN.includes(name))
  if (unknown !== undefined) {
    const asked = unknown.slice(0, 100)
    const message = `"${asked}" is nothing that a tenant has.${didYouMean(asked, GIVEN)}`
    throw new ThroughlineError('TENANT_INVALID', { message, remedy: 'What is your own belongs under `attributes`.' })
  }
  if (!isTenantId(tenant.id)) {
    throw invalid('A tenant id has 1 to 200 well-formed characters, none of control, and does not begin with "$".')
  }
  const { name, timeZone, billingAnchor } = tenant
  if (name !== undefined && (typeof name !== 'string' || name.length > MAX_NAME)) {
    throw invalid(`"name" must be text of at most ${MAX_NAME} characters.`)
  }
  // A list or a text would be read by its positions.
  const given = tenant.attributes ?? {}
  if (!isPlainObject(given)) throw invalid(`"attributes" must be an object, not ${describe(given)}.`)
  const attributes = {
    ...given,
    ...(timeZone !== undefined && { timeZone }),
    ...(billingAnchor !== undefined && { billingAnchor }),
  }
  const size = sizeOf(attributes)
  if (size > MAX_ATTRIBUTES) throw invalid(`The attributes take ${size} characters; ${MAX_ATTRIBUTES} are allowed.`)
  return {
    plan: tenant.plan ?? null,
    status: 'active',
    name: name ?? null,
    createdAt: new Date(now).toISOString(),
    attributes,
  }
}

/** As JSON. */
function sizeOf(attributes: Readonly<Record<string, Json>>): number {
  try {
    return JSON.stringify(attributes).length
  } catch {
    throw invalid('The attributes must be JSON.')
  }
}

function invalid(message: string): ThroughlineError {
  return new ThroughlineError('TENANT_INVALID', { message })
}

function isoTime(value: string | number | Date | null | undefined): string | undefined {
  if (value === null || value === undefined) return undefined
  // SQL databases store times without a zone: they are UTC's, wherever this process runs.
  const known = typeof value === 'string' ? timeOfText(value) : Number.NaN
  const time = new Date(Number.isNaN(known) ? value : known)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}
