import { describe } from '../catalog/problems.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { ListQuery, StoredDocument } from '../storage/records.ts'
import type { Tenant } from '../vocabulary.ts'
import { storedTenant, tenantOf } from './platform-tenants.ts'
import type { TenantColumns, TenantRow } from './tenant-row.ts'
import { tenantFromRow } from './tenant-row.ts'

type Listed = string | TenantRow | TenantColumns

/** The app's tenants, in any order: their rows, or their ids alone, which are then loaded one by one. */
export type TenantListing = Iterable<Listed> | AsyncIterable<Listed>

/** What lists the app's tenants; they may be a stream, so that they need not all be held at once. */
export type ListTenants = () => MaybePromise<TenantListing>

const PAGE = 1_000

/** Every tenant in our own table, by id. */
export async function* ourTenants(
  list: (query: ListQuery) => Promise<readonly StoredDocument[]>,
): AsyncGenerator<Tenant, void, undefined> {
  let last: StoredDocument | undefined
  for (;;) {
    const after = last && { tenant: last.tenant, key: last.key }
    const page = await list({ kind: 'tenants', limit: PAGE, ...(after && { after }) })
    for (const document of page) yield tenantOf(document.tenant, storedTenant(document))
    last = page.at(-1)
    if (page.length < PAGE) return
  }
}

/**
 * Every tenant that the app lists. One that was listed and can't be loaded any more is passed over; so is one whose row
 * has another id, which is no tenant for requests either.
 */
export async function* appTenants(
  list: ListTenants,
  load: ((id: string) => MaybePromise<TenantColumns | null | undefined>) | undefined,
): AsyncGenerator<Tenant, void, undefined> {
  for await (const listed of await list()) {
    if (typeof listed !== 'string') yield tenantFromRow(listed)
    else {
      const row = load ? await loadListed(load, listed) : { id: listed }
      if (row && String(row.id) === listed) yield tenantFromRow(row)
    }
  }
}

/** Of many tenants the one that can't be loaded is to be found. */
async function loadListed<T>(load: (id: string) => MaybePromise<T>, id: string): Promise<T> {
  try {
    return await load(id)
  } catch (cause) {
    throw new Error(`All tenants were to be read, and tenants.load(${describe(id)}) failed.`, { cause })
  }
}

/** Their ids alone: nothing is loaded. */
export async function* appTenantIds(list: ListTenants): AsyncGenerator<{ readonly id: string }, void, undefined> {
  for await (const listed of await list()) yield { id: String(typeof listed === 'object' ? listed.id : listed) }
}
