import type { IncomingMessage } from 'node:http'
import type { MaybePromise } from '../maybe-promise.ts'
import { next } from '../maybe-promise.ts'
import { isTenantId } from '../tenant-id.ts'
import type { ActorInput } from '../vocabulary.ts'

/** Stands for every name that can be no tenant's id. No tenant is called so. */
export const UNKNOWN_TENANT = '$unknown'

/**
 * How far a source can be believed. `proves`: verified by the app or by us. `names`: anybody can write it (host, path,
 * header), so membership must decide.
 */
export type Trust = 'names' | 'proves'

/** What one source says of one request. */
export interface TenantClaim {
  readonly tenant: string
  /** API keys and tokens bring their own actor. */
  readonly actor?: ActorInput | undefined
  /** The credential is the membership: an API key of the tenant's own. */
  readonly member?: boolean
  /** Where it differs from the source's for this request: a header from a trusted proxy. */
  readonly trust?: Trust
  /** The client wrote it and not even an address says the same: a header that nobody trusted vouches for. */
  readonly forgeable?: boolean
}

/** Something of a request that names its tenant. */
export interface TenantSource<Req = unknown> {
  /** `subdomain`, `host`, `header:x-tenant-id`, `path`, `claim:org_id`, `api-key`, `function`; told on refusals. */
  readonly name: string
  readonly trust: Trust
  /** Counts only when no other source names a tenant. */
  readonly weak: boolean
  /**
   * `undefined`: this source names no tenant here.
   *
   * @throws ThroughlineError `API_KEY_INVALID`, `TOKEN_INVALID` for credentials that do not hold.
   */
  read(request: Req, message: IncomingMessage): MaybePromise<TenantClaim | undefined>
}

/** Reads the tenant's id from the app's verified user. */
export type TenantFunction<Req> = (request: Req) => MaybePromise<string | number | null | undefined>

export type SourceInput<Req = unknown> = TenantSource<Req> | TenantFunction<Req>

/** A function made a source: what the app says of its own verified user proves. */
export function toSource<Req>(input: SourceInput<Req>): TenantSource<Req> {
  if (typeof input !== 'function') return input
  return {
    name: 'function',
    trust: 'proves',
    weak: false,
    read(request) {
      return next(input(request), claimOrNone)
    },
  }
}

/** What was found, as a tenant's id: a number becomes a string, and what can be no id an unknown tenant. */
export function tenantIdOf(found: unknown): string {
  const id = typeof found === 'number' && Number.isFinite(found) ? String(found) : found
  return isTenantId(id) ? id : UNKNOWN_TENANT
}

/** The claim of a look-up that may find nothing. */
export function claimOrNone(found: string | number | null | undefined): TenantClaim | undefined {
  return found === null || found === undefined ? undefined : { tenant: tenantIdOf(found) }
}
