import type { MaybePromise } from '../maybe-promise.ts'
import { next } from '../maybe-promise.ts'
import type { ActorInput } from '../vocabulary.ts'
import { credentialOf } from './bearer.ts'
import type { TenantClaim, TenantSource } from './source.ts'
import { tenantIdOf } from './source.ts'
import type { SourceOptionCheck } from './source-options.ts'
import {
  ANYTHING,
  checkSourceOptions,
  FUNCTION,
  kindOf,
  NAME,
  refuseOptions,
  TEXT,
  TRUE_OR_FALSE,
} from './source-options.ts'
import type { TokenClaims, TokenOptions } from './token-verifier.ts'
import { tokenVerifier } from './token-verifier.ts'

interface ClaimCommon {
  /** Counts only when no other source names a tenant: the organization last used, say. */
  readonly weak?: boolean
  /** The actor that the claims name; unless said, `tenantContext` asks the app. */
  readonly actor?: (claims: TokenClaims) => ActorInput | undefined
}

/** Claims that the app has verified already. */
export interface VerifiedClaims<Req> extends ClaimCommon {
  /** Where they are; `request.auth`, `request.user` or Koa's `state.user` unless said. */
  readonly claims?: (request: Req) => MaybePromise<object | null | undefined>
}

/** A bearer token that is verified here. It is never looked into before. */
export interface VerifiedToken extends ClaimCommon, TokenOptions {
  /** `authorization` (as `Bearer …`, the default) or a header that is all token. */
  readonly header?: string
  /** What another kind of credential in the same header begins with (`sk_`): it is left to `fromApiKey`. */
  readonly except?: string
}

const COMMON: Readonly<Record<string, SourceOptionCheck>> = { weak: TRUE_OR_FALSE, actor: FUNCTION }
/** Any of them says that the token is verified here; `tokenVerifier` checks what they hold. */
const TOKEN_OPTIONS: Readonly<Record<string, SourceOptionCheck>> = {
  jwks: ANYTHING,
  keys: ANYTHING,
  issuer: ANYTHING,
  audience: ANYTHING,
  algorithms: ANYTHING,
  clockToleranceSeconds: ANYTHING,
  now: FUNCTION,
}
const OF_APP = { ...COMMON, claims: FUNCTION }
const OF_TOKEN = { ...COMMON, ...TOKEN_OPTIONS, header: NAME, except: TEXT }

/**
 * A claim of a token: one that the app has verified, or one verified here by a given key set, with issuer, audience and
 * algorithms pinned.
 *
 * @example fromClaim('org_id')                       // after express-jwt, passport …
 * @example fromClaim('org_id', { jwks: new URL('https://login.example.com/.well-known/jwks.json'),
 *   issuer: 'https://login.example.com/', audience: 'api', algorithms: ['RS256'] })
 * @throws ThroughlineError `OPTIONS_INVALID`; while reading, `TOKEN_INVALID` (401) for a token that does not hold.
 */
export function fromClaim<Req = unknown>(
  claim: string,
  options: VerifiedClaims<Req> | VerifiedToken = {},
): TenantSource<Req> {
  if (typeof claim !== 'string' || claim === '') {
    refuseOptions('fromClaim', `the first parameter must name a claim, not be ${kindOf(claim)}.`)
  }
  const verifies = Object.keys(Object(options)).some((name) => Object.hasOwn(TOKEN_OPTIONS, name))
  checkSourceOptions('fromClaim', options, verifies ? OF_TOKEN : OF_APP)
  const claims = verifies ? tokenClaims(options as VerifiedToken) : appClaims(options as VerifiedClaims<Req>)
  const { actor } = options
  const claimOf = (found: object | null | undefined): TenantClaim | undefined => {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, claim)) return undefined
    const tenant = (found as TokenClaims)[claim]
    if (tenant === undefined || tenant === null) return undefined
    return { tenant: tenantIdOf(tenant), actor: actor?.(found as TokenClaims) }
  }
  return {
    name: `claim:${claim}`,
    trust: 'proves',
    weak: options.weak ?? false,
    read(request, message) {
      return next(claims(request, message), claimOf)
    },
  }
}

type ReadClaims<Req> = (...parameters: Parameters<TenantSource<Req>['read']>) => MaybePromise<object | null | undefined>

function appClaims<Req>({ claims = loggedIn }: VerifiedClaims<Req>): ReadClaims<Req> {
  return (request) => claims(request)
}

function tokenClaims({ header = 'authorization', except, ...options }: VerifiedToken): ReadClaims<unknown> {
  if (except === '') refuseOptions('fromClaim', '"except" must not be empty: it would leave out every token.')
  const verify = tokenVerifier(options)
  const name = header.toLowerCase()
  return (_request, message) => {
    const token = credentialOf(message, name)
    if (token === undefined || (except !== undefined && token.startsWith(except))) return undefined
    return verify(token)
  }
}

/** Where logins for Express and Koa leave what they have verified. */
function loggedIn(request: unknown): object | undefined {
  const at = request as { auth?: object; user?: object; state?: { user?: object } }
  return at.auth ?? at.user ?? at.state?.user
}
