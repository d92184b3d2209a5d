import type { MaybePromise } from '../maybe-promise.ts'
import { next } from '../maybe-promise.ts'
import type { TrustForwardedHost } from './host-name.ts'
import { parseHost, requestHost } from './host-name.ts'
import type { TenantClaim, TenantSource } from './source.ts'
import { claimOrNone, tenantIdOf, UNKNOWN_TENANT } from './source.ts'
import { checkSourceOptions, FUNCTION, kindOf, NAMES, refuseOptions, TRUE_OR_FUNCTION } from './source-options.ts'

/** Finds a tenant's id by what the host says; the app's own table of slugs or domains. */
export type HostLookup = (name: string) => MaybePromise<string | number | null | undefined>

export interface SubdomainOptions {
  /** Maps the subdomain to a tenant's id where they differ. Finding none, it is an unknown tenant. */
  readonly lookup?: HostLookup
  /** Subdomains that are no tenants; `www` unless said. */
  readonly ignore?: readonly string[]
  /** Read `X-Forwarded-Host` (of trusted proxies only: a client can send it too). Off unless said. */
  readonly trustForwardedHost?: TrustForwardedHost
}

/**
 * The label before the app's domain: `acme` of `acme.example.com`. The bare domain and foreign hosts name no tenant;
 * more than one label names one that is not known.
 *
 * @example tenantContext(throughline, { tenant: [fromSubdomain('example.com'), (req) => req.user?.orgId], … })
 * @throws ThroughlineError `OPTIONS_INVALID` when the domain is no host name.
 */
export function fromSubdomain(domain: string, options: SubdomainOptions = {}): TenantSource {
  if (typeof domain !== 'string') refuseOptions('fromSubdomain', `the domain must be a text, not ${kindOf(domain)}.`)
  checkSourceOptions('fromSubdomain', options, {
    lookup: FUNCTION,
    ignore: NAMES,
    trustForwardedHost: TRUE_OR_FUNCTION,
  })
  const parsed = parseHost(domain)
  if (typeof parsed === 'string') refuseOptions('fromSubdomain', `"${domain}" is no host name.`)
  const { lookup, trustForwardedHost = false } = options
  const ending = `.${parsed.name}`
  const ignored = new Set((options.ignore ?? ['www']).map((name) => name.toLowerCase()))
  return {
    name: 'subdomain',
    trust: 'names',
    weak: false,
    read(_request, message) {
      const host = requestHost(message, trustForwardedHost)
      if (host === 'missing') return undefined
      if (host === 'malformed') return UNKNOWN
      if (!host.name.endsWith(ending)) return undefined
      const label = host.name.slice(0, -ending.length)
      if (ignored.has(label)) return undefined
      if (label === '' || label.includes('.')) return UNKNOWN
      if (!lookup) return { tenant: tenantIdOf(label) }
      return next(lookup(label), claimOrUnknown)
    },
  }
}

export interface HostOptions {
  /** Maps a whole host name (lower case, no port) to a tenant's id; finding none, the host names no tenant. */
  readonly lookup: HostLookup
  /** Read `X-Forwarded-Host` (of trusted proxies only: a client can send it too). Off unless said. */
  readonly trustForwardedHost?: TrustForwardedHost
}

/**
 * The whole host, for tenants on domains of their own.
 *
 * @example fromHost({ lookup: (host) => domains.tenantOf(host) })
 * @throws ThroughlineError `OPTIONS_INVALID` without a `lookup`.
 */
export function fromHost(options: HostOptions): TenantSource {
  checkSourceOptions('fromHost', options, { lookup: FUNCTION, trustForwardedHost: TRUE_OR_FUNCTION })
  const { lookup, trustForwardedHost = false } = options
  if (typeof lookup !== 'function') refuseOptions('fromHost', '"lookup" must be a function.')
  return {
    name: 'host',
    trust: 'names',
    weak: false,
    read(_request, message) {
      const host = requestHost(message, trustForwardedHost)
      if (host === 'missing') return undefined
      if (host === 'malformed') return UNKNOWN
      return next(lookup(host.name), claimOrNone)
    },
  }
}

const UNKNOWN: TenantClaim = { tenant: UNKNOWN_TENANT }

function claimOrUnknown(found: string | number | null | undefined): TenantClaim {
  return claimOrNone(found) ?? UNKNOWN
}
