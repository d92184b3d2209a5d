import { isAmbiguous, requestPath } from './request-path.ts'
import type { TenantClaim, TenantSource } from './source.ts'
import { tenantIdOf, UNKNOWN_TENANT } from './source.ts'
import { ANYTHING, checkSourceOptions, kindOf, refuseOptions } from './source-options.ts'

/** `'/t/:tenant'`: how paths begin that name a tenant. `{ segment: 0 }`: the first segment of every path. */
export type PathPattern = string | { readonly segment: number }

/**
 * A segment of the path that the client asked for, before any router rewrote it. Fixed segments match in any case, as
 * routers do. A path that routers may read otherwise names a tenant that is not known.
 *
 * @example fromPath('/t/:tenant')
 * @throws ThroughlineError `OPTIONS_INVALID` when the pattern does not name exactly one segment.
 */
export function fromPath(pattern: PathPattern): TenantSource {
  const { fixed, position } = compile(pattern)
  return {
    name: 'path',
    trust: 'names',
    weak: false,
    read(_request, message) {
      const path = requestPath(message)
      if (isAmbiguous(path)) return { tenant: UNKNOWN_TENANT }
      const segments = path.split('/', position + 2)
      const segment = segments[position + 1]
      if (!segment) return undefined
      for (let i = 0; i < position; i++) {
        if (fixed !== undefined && fixed[i] !== segments[i + 1]?.toLowerCase()) return undefined
      }
      return decoded(segment)
    },
  }
}

/** `fixed`: the segments before the tenant's, or undefined where any will do. */
function compile(pattern: PathPattern): { fixed: readonly string[] | undefined; position: number } {
  if (typeof pattern !== 'string') {
    if (typeof pattern !== 'object' || pattern === null) {
      refuseOptions('fromPath', `the pattern must be a text or { segment }, not ${kindOf(pattern)}.`)
    }
    checkSourceOptions('fromPath', pattern, { segment: ANYTHING })
    const { segment } = pattern
    if (!Number.isInteger(segment) || segment < 0 || segment > 50) {
      refuseOptions('fromPath', '"segment" must be a whole number from 0, the first.')
    }
    return { fixed: undefined, position: segment }
  }
  const segments = pattern.split('/').slice(1)
  const position = segments.findIndex((segment) => segment.startsWith(':'))
  if (!pattern.startsWith('/') || position < 0 || position !== segments.length - 1 || segments.includes('')) {
    refuseOptions('fromPath', `"${pattern}" must begin with "/" and end with the tenant's segment, as in "/t/:tenant".`)
  }
  return { fixed: segments.slice(0, position).map((segment) => segment.toLowerCase()), position }
}

function decoded(segment: string): TenantClaim {
  try {
    return { tenant: tenantIdOf(decodeURIComponent(segment)) }
  } catch {
    return { tenant: UNKNOWN_TENANT }
  }
}
