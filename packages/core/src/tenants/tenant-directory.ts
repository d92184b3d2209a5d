import type { MaybePromise } from '../maybe-promise.ts'
import { next } from '../maybe-promise.ts'
import type { ListQuery, StoredDocument } from '../storage/records.ts'
import type { Tenant } from '../vocabulary.ts'
import type { ListTenants } from './list-tenants.ts'
import { appTenantIds, appTenants, ourTenants } from './list-tenants.ts'
import { storedTenant, tenantOf } from './platform-tenants.ts'
import type { TenantColumns } from './tenant-row.ts'
import { tenantFromRow } from './tenant-row.ts'

/** Where tenants are found: in our own table, or with the app. */
export interface TenantDirectory {
  /** The app is asked for each tenant. */
  readonly loads: boolean
  /** @param documents what we have of it ourselves */
  find(id: string, documents: readonly StoredDocument[]): MaybePromise<Tenant | undefined>
  /** Every tenant; `undefined` where they can't be listed. */
  every(): AsyncIterable<Tenant> | undefined
  /** Their ids, without loading any that needs not be. */
  ids(): AsyncIterable<{ readonly id: string }> | undefined
}

/** Tenants in our own table. */
export function ourDirectory(list: (query: ListQuery) => Promise<readonly StoredDocument[]>): TenantDirectory {
  return {
    loads: false,
    find(id, documents) {
      const document = documents.find(({ kind }) => kind === 'tenants')
      return document && tenantOf(id, storedTenant(document))
    },
    every: () => ourTenants(list),
    ids: () => ourTenants(list),
  }
}

export interface AppDirectoryOptions {
  readonly load?: ((id: string) => MaybePromise<TenantColumns | null | undefined>) | undefined
  readonly list?: ListTenants | undefined
}

/**
 * Tenants that the app keeps.
 *
 * @param warn told of a look-up that found another tenant than was asked for
 */
export function appDirectory({ load, list }: AppDirectoryOptions, warn: (message: string) => void): TenantDirectory {
  return {
    loads: load !== undefined,
    find(id) {
      // Without a registry whoever is named by a proof exists: this is context and audit log alone.
      if (!load) return tenantFromRow({ id })
      return next(load(id), (row) => {
        if (row === null || row === undefined) return undefined
        const found = tenantFromRow(row)
        if (found.id === id) return found
        // `Acme` for `acme`, say: what is kept by id (overrides, config, usage) would be another tenant's, or nobody's.
        warn(
          `tenants.load("${id}") answered with a tenant whose id is "${found.id}". It counts as unknown: load has to find the very id. Map other names to ids in the source ("lookup").`,
        )
        return undefined
      })
    },
    every: () => list && appTenants(list, load),
    ids: () => list && appTenantIds(list),
  }
}
