import type { KeyObject } from 'node:crypto'
import { types } from 'node:util'
import type { CryptoKey, JSONWebKeySet, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { ThroughlineError } from '../errors.ts'
import { refuseOptions } from './source-options.ts'

/** A verified token's claims. */
export type TokenClaims = Readonly<Record<string, unknown>>

export interface TokenOptions {
  /** Where the issuer publishes its keys; fetched when needed and kept (10 minutes). */
  readonly jwks?: URL | string
  /** The keys themselves: a JWK set, one public key, or the bytes of a shared secret. */
  readonly keys?: JSONWebKeySet | KeyObject | CryptoKey | Uint8Array
  readonly issuer: string | readonly string[]
  readonly audience: string | readonly string[]
  /** The only algorithms that are accepted: `['RS256']`. */
  readonly algorithms: readonly string[]
  /** How far clocks may differ; 0 unless said. */
  readonly clockToleranceSeconds?: number
  /** ms since the epoch; the system's clock unless said. */
  readonly now?: () => number
}

const MAX_TOKEN_LENGTH = 8_192

/** Errors of jose that say something of the token; the others are of the key set or of its server. */
const OF_THE_TOKEN = /^ERR_(JWT|JWS|JOSE_ALG|JOSE_NOT_SUPPORTED|JWKS_NO_MATCHING_KEY|JWKS_MULTIPLE_MATCHING_KEYS)/

/**
 * Verifies signed tokens (RFC 7519, by `jose`). The answer rejects with `TOKEN_INVALID`, or with the error of a key
 * set that can not be had.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` unless key set, issuer, audience and algorithms are all given.
 */
export function tokenVerifier(options: TokenOptions): (token: string) => Promise<TokenClaims> {
  const { issuer, audience, algorithms, clockToleranceSeconds = 0, now } = options
  for (const name of ['issuer', 'audience', 'algorithms'] as const) {
    const pins: unknown = options[name]
    if (pins === undefined || pins === '' || (Array.isArray(pins) && pins.length === 0))
      refuseOptions('fromClaim', `"${name}" is required.`)
    if (!(typeof pins === 'string' || isListOfTexts(pins))) {
      refuseOptions('fromClaim', `"${name}" must be a text or a list of texts.`)
    }
  }
  if (!Number.isFinite(clockToleranceSeconds) || clockToleranceSeconds < 0) {
    refuseOptions('fromClaim', '"clockToleranceSeconds" must be a number from 0.')
  }
  if (!Array.isArray(algorithms) || algorithms.includes('none')) {
    refuseOptions('fromClaim', '"algorithms" must list signature algorithms.')
  }
  const verifyWith = keyOf(options)
  const pinned: JWTVerifyOptions = {
    issuer: issuer as string | string[],
    audience: audience as string | string[],
    algorithms: [...algorithms],
    clockTolerance: clockToleranceSeconds,
  }
  return async (token) => {
    if (token.length > MAX_TOKEN_LENGTH)
      throw new ThroughlineError('TOKEN_INVALID', { details: { reason: 'too long' } })
    try {
      const checks = now ? { ...pinned, currentDate: new Date(now()) } : pinned
      // jose's overloads tell key and key getter apart; at run time it does so itself.
      return (await jwtVerify(token, verifyWith as JWTVerifyGetKey, checks)).payload
    } catch (error) {
      if (!(error instanceof errors.JOSEError) || !OF_THE_TOKEN.test(error.code)) throw error
      // Not as `cause`: jose's errors carry the token's claims.
      throw new ThroughlineError('TOKEN_INVALID', { details: { reason: error.code } })
    }
  }
}

function keyOf({ jwks, keys }: TokenOptions): JWTVerifyGetKey | KeyObject | CryptoKey | Uint8Array {
  if ((jwks === undefined) === (keys === undefined)) refuseOptions('fromClaim', 'give either "jwks" or "keys".')
  if (jwks !== undefined) {
    if (!isWebUrl(jwks)) refuseOptions('fromClaim', '"jwks" must be a URL of http or https.')
    return createRemoteJWKSet(new URL(jwks))
  }
  const given = keys as NonNullable<typeof keys>
  if (isKeySet(given)) return createLocalJWKSet(given)
  if (!(types.isUint8Array(given) || types.isKeyObject(given) || types.isCryptoKey(given))) {
    refuseOptions('fromClaim', '"keys" must be a key set, a key, or the bytes of a secret.')
  }
  return given
}

function isWebUrl(given: unknown): boolean {
  return URL.canParse(String(given)) && /^https?:$/.test(new URL(String(given)).protocol)
}

function isKeySet(given: unknown): given is JSONWebKeySet {
  const keys = (given as Partial<JSONWebKeySet> | null)?.keys
  return Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null)
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== '')
}
