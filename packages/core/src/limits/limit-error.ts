import { ThroughlineError } from '../errors.ts'
import type { LimitResult } from './limit-result.ts'

/** Problem types of draft-ietf-httpapi-ratelimit-headers-10, section "Problem Types". */
const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded'
const REDUCED_CAPACITY = 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'

/**
 * The error that a refused limit is: 429 `LIMIT_EXCEEDED`; 503 `LIMIT_UNAVAILABLE` where the limits store does not answer,
 * and 503 `LOAD_SHED` where the process is saturated.
 *
 * @param headers of the answer
 */
export function rateLimitError(result: LimitResult, headers: Readonly<Record<string, string>>): ThroughlineError {
  const possible = Number.isFinite(result.retryAfter)
  const code = result.shed ? 'LOAD_SHED' : result.degraded ? 'LIMIT_UNAVAILABLE' : 'LIMIT_EXCEEDED'
  return new ThroughlineError(code, {
    ...(!possible && { message: 'This costs more than the limit ever allows at once.' }),
    headers,
    details: {
      type: code === 'LIMIT_EXCEEDED' ? QUOTA_EXCEEDED : REDUCED_CAPACITY,
      ...(result.refusedBy.length > 0 && { policy: result.refusedBy[0], 'violated-policies': result.refusedBy }),
      ...(code === 'LIMIT_EXCEEDED' && { limit: result.limit }),
      ...(possible && { retryAfter: result.retryAfter }),
    },
  })
}
