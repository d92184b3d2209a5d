import { ThroughlineError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { next } from '../maybe-promise.ts'
import type { ActorInput } from '../vocabulary.ts'
import { credentialOf } from './bearer.ts'
import type { TenantClaim, TenantSource } from './source.ts'
import { tenantIdOf } from './source.ts'
import { checkSourceOptions, kindOf, NAME, refuseOptions, TEXT } from './source-options.ts'

/** Whose key it is. The actor's type is `api_key` unless said. */
export interface ApiKeyOwner {
  readonly tenant: string | number
  readonly actor: ActorInput
}

/** The app's look-up, by a hash of the key: compare nothing that was kept in clear. */
export type ApiKeyLookup = (key: string) => MaybePromise<ApiKeyOwner | null | undefined>

export interface ApiKeyOptions {
  /** `authorization` (as `Bearer …`, the default) or a header that is all key: `x-api-key`. */
  readonly header?: string
  /** What the app's keys begin with (`sk_`); anything else in the header is another kind of credential. */
  readonly prefix?: string
}

const MAX_KEY_LENGTH = 512

/**
 * An API key, which brings both tenant and actor. One that is not known is refused, whatever else the request says. The
 * key itself is in no error and no record.
 *
 * @example fromApiKey((key) => apiKeys.findByHash(sha256(key)), { header: 'x-api-key' })
 * @throws ThroughlineError `OPTIONS_INVALID` without a look-up; while reading, `API_KEY_INVALID` (401).
 */
export function fromApiKey(lookup: ApiKeyLookup, options: ApiKeyOptions = {}): TenantSource {
  if (typeof lookup !== 'function') {
    refuseOptions('fromApiKey', `the first parameter must be a function, not ${kindOf(lookup)}.`)
  }
  checkSourceOptions('fromApiKey', options, { header: NAME, prefix: TEXT })
  const header = (options.header ?? 'authorization').toLowerCase()
  const { prefix = '' } = options
  return {
    name: 'api-key',
    trust: 'proves',
    weak: false,
    read(_request, message) {
      const key = credentialOf(message, header)
      if (key === undefined || !key.startsWith(prefix)) return undefined
      if (key.length === 0 || key.length > MAX_KEY_LENGTH) throw new ThroughlineError('API_KEY_INVALID')
      return next(lookup(key), claimOf)
    },
  }
}

function claimOf(owner: ApiKeyOwner | null | undefined): TenantClaim {
  if (!owner) throw new ThroughlineError('API_KEY_INVALID')
  if (typeof owner.actor !== 'object' || owner.actor === null) {
    refuseOptions('fromApiKey', 'the look-up has answered without an actor; it must answer { tenant, actor: { id } }.')
  }
  const actor = { ...owner.actor, type: owner.actor.type ?? 'api_key' }
  return { tenant: tenantIdOf(owner.tenant), actor, member: true }
}
