import { describe } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { PlatformPort } from '../platform-port.ts'
import type { StoredDocument } from '../storage/records.ts'
import { unknownTenant } from '../unknown-tenant.ts'
import type { Json, Tenant } from '../vocabulary.ts'
import type { PageOptions } from './page-options.ts'
import { readPage } from './page-options.ts'
import type { NewTenant, StoredTenant } from './tenant-row.ts'
import { calendarTerms, newTenantRow, tenantFromRow } from './tenant-row.ts'

type CalendarTerms = Pick<Tenant, 'timeZone' | 'billingAnchor'>

/** What `update` takes: a name, and attributes as they are. A plan and a status have calls of their own. */
export type TenantChanges = Readonly<Record<string, Json>> & {
  readonly name?: string | null
  readonly id?: never
  readonly plan?: never
  readonly status?: never
  readonly createdAt?: never
  readonly attributes?: never
}

/** Attempts of one change, each over what is there by then: a suspension must not fail for an attribute that changes. */
const ATTEMPTS = 10

/** What is no attribute, and what changes it. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  id: 'A tenant keeps its id.',
  plan: 'The plan is changed by `changePlan(id, plan)`.',
  status: 'The status is changed by `suspend(id)` and `reactivate(id)`.',
  createdAt: 'The time of its creation stays.',
  created_at: 'The time of its creation stays.',
  attributes: 'Attributes are given as they are, not under `attributes`.',
}

/** Tenants in our own table (`tenants: 'ours'`). Every call is recorded, with the operator's reason. */
export interface PlatformTenants<Plan extends string = string> {
  /**
   * @throws ThroughlineError `TENANT_EXISTS`, `TENANT_INVALID`, `PLAN_UNKNOWN`
   */
  create(tenant: NewTenant & { readonly plan?: Plan }): Promise<Tenant>
  get(id: string): Promise<Tenant | undefined>
  /**
   * Ordered by id, 100 a page unless said, at most 1,000.
   *
   * @throws ThroughlineError `QUERY_INVALID`
   */
  list(page?: PageOptions): Promise<readonly Tenant[]>
  /**
   * Acts on contexts entered 2 s later, and on open ones at their next checkpoint.
   *
   * @throws ThroughlineError `TENANT_NOT_FOUND`, `PLAN_UNKNOWN`, `CONFLICT`
   */
  changePlan(id: string, plan: Plan): Promise<Tenant>
  /**
   * Replaces the given attributes; `null` removes one. `name` is the tenant's name; `timeZone` and `billingAnchor` say in
   * which days and months its quotas count, from now on.
   *
   * @throws ThroughlineError `TENANT_NOT_FOUND`, `TENANT_INVALID`, `CONFLICT`
   */
  update(id: string, changes: TenantChanges): Promise<Tenant>
  suspend(id: string): Promise<Tenant>
  reactivate(id: string): Promise<Tenant>
}

export function createPlatformTenants<Plan extends string>(
  port: PlatformPort,
  plans: readonly string[],
  calendarProblems: (terms: CalendarTerms) => readonly string[] = () => [],
): PlatformTenants<Plan> {
  const checkPlan = (plan: string): void => {
    if (typeof plan === 'string' && (plans.length === 0 || plans.includes(plan))) return
    const message = `No plan is called ${describe(plan)}.${didYouMean(String(plan), plans)}`
    throw new ThroughlineError('PLAN_UNKNOWN', { message })
  }
  const checkCalendar = (attributes: Readonly<Record<string, Json>>): void => {
    const problems = calendarProblems(calendarTerms(attributes))
    if (problems.length > 0)
      throw new ThroughlineError('TENANT_INVALID', { message: problems.join(' '), details: { problems } })
  }
  const find = async (id: string): Promise<StoredDocument> => {
    const { documents } = await port.read({ tenant: id, kinds: ['tenants'], key: '' })
    if (!documents[0]) throw unknownTenant(id)
    return documents[0]
  }
  const change = async (
    id: string,
    action: string,
    edit: (stored: StoredTenant) => { next: StoredTenant; metadata: Record<string, Json> },
  ): Promise<Tenant> => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const document = await find(id)
      const { next, metadata } = edit(storedTenant(document))
      const result = await port.commit(id, {
        writes: [{ kind: 'tenants', tenant: id, key: '', value: { ...next }, expect: document.version }],
        event: { action, targets: [{ type: 'tenant', id }], metadata },
      })
      if (result.status === 'committed') return tenantOf(id, next)
    }
    throw new ThroughlineError('CONFLICT')
  }
  return {
    async create(tenant) {
      const row = newTenantRow(tenant, port.now())
      const { id, plan } = tenant
      if (plan !== undefined) checkPlan(plan)
      checkCalendar(row.attributes)
      const result = await port.commit(id, {
        writes: [{ kind: 'tenants', tenant: id, key: '', value: { ...row }, expect: 0 }],
        event: {
          action: 'tenant.created',
          targets: [{ type: 'tenant', id }],
          metadata: { plan: row.plan },
        },
      })
      if (result.status !== 'committed') throw new ThroughlineError('TENANT_EXISTS', { details: { id } })
      return tenantOf(id, row)
    },
    async get(id) {
      const { documents } = await port.read({ tenant: id, kinds: ['tenants'], key: '' })
      return documents[0] && tenantOf(id, storedTenant(documents[0]))
    },
    async list(page = {}) {
      const { limit, after } = readPage(page)
      const found = await port.list({
        kind: 'tenants',
        limit,
        ...(after !== undefined && { after: { tenant: after, key: '' } }),
      })
      return found.map((document) => tenantOf(document.tenant, storedTenant(document)))
    },
    changePlan(id, plan) {
      checkPlan(plan)
      return change(id, 'tenant.plan_changed', (stored) => ({
        next: { ...stored, plan },
        metadata: { before: stored.plan, after: plan },
      }))
    },
    async update(id, changes) {
      const given = givenChanges(changes)
      const problems = Object.keys(given).flatMap((name) => (Object.hasOwn(ELSEWHERE, name) ? [ELSEWHERE[name]] : []))
      if (problems.length > 0)
        throw new ThroughlineError('TENANT_INVALID', { message: problems.join(' '), details: { problems } })
      return change(id, 'tenant.updated', (stored) => {
        const { name = stored.name, ...attributes } = given
        const merged: Record<string, Json> = { ...stored.attributes, ...attributes }
        for (const [attribute, value] of Object.entries(attributes)) if (value === null) delete merged[attribute]
        newTenantRow({ id, attributes: merged, ...(name !== null && { name }) }, port.now())
        // Only what is given is checked: what was stored before can't keep other attributes from being put right.
        checkCalendar(attributes)
        return {
          next: { ...stored, name, attributes: merged },
          metadata: {
            attributes: Object.keys(attributes),
            ...(name !== stored.name && { name: { before: stored.name, after: name } }),
          },
        }
      })
    },
    suspend: (id) =>
      change(id, 'tenant.suspended', (stored) => ({ next: { ...stored, status: 'suspended' }, metadata: {} })),
    reactivate: (id) =>
      change(id, 'tenant.reactivated', (stored) => ({ next: { ...stored, status: 'active' }, metadata: {} })),
  }
}

/**
 * What is undefined is not given: what is there stays.
 *
 * @throws ThroughlineError `TENANT_INVALID`
 */
function givenChanges(changes: unknown): TenantChanges {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) {
    const message = 'What is changed of a tenant must be an object of attributes.'
    throw new ThroughlineError('TENANT_INVALID', { message, details: { problems: [message] } })
  }
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

/** The tenant that a document of kind `tenants` holds. */
export function storedTenant(document: StoredDocument): StoredTenant {
  return document.value as unknown as StoredTenant
}

export function tenantOf(id: string, stored: StoredTenant): Tenant {
  return tenantFromRow({ id, ...stored })
}
