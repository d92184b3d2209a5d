import { ThroughlineError } from '../errors.ts'
import type { LimitDecision } from '../storage/limits.ts'
import type { ResolvedLimit } from './limits-view.ts'

/** One policy as it decided. */
export interface LimitPolicy {
  readonly name: string
  /** Units per window. */
  readonly limit: number
  readonly windowMs: number
  /** Units at the most at once. */
  readonly burst: number
  /** Whole units left. */
  readonly remaining: number
}

/** How a limit decided. */
export interface LimitResult {
  readonly allowed: boolean
  /** Whole units left. */
  readonly remaining: number
  /** Whole seconds, at least 1 when refused; 0 when allowed; `Infinity` when the cost is above the burst. */
  readonly retryAfter: number
  /** Units per window. */
  readonly limit: number
  /** Whole seconds until all of the burst is there again. */
  readonly resetAfter: number
  readonly policies: readonly LimitPolicy[]
  /** It would have been refused, but the limit is only observed. */
  readonly observed?: true
  /** The limits store did not answer: decided by this process alone. */
  readonly degraded?: true
}

/** A store's decision in whole seconds. */
export function limitResult(
  resolved: ResolvedLimit,
  decision: LimitDecision,
  marks?: { readonly observed?: true; readonly degraded?: true },
): LimitResult {
  const { allowed, remaining } = decision
  const { limit, windowMs, burst } = resolved.limit
  const result: LimitResult = {
    allowed,
    remaining,
    retryAfter: allowed ? 0 : Math.max(1, Math.ceil(decision.retryAfterMs / 1_000)),
    limit,
    resetAfter: Math.ceil(decision.resetMs / 1_000),
    policies: [{ name: resolved.name, limit, windowMs, burst, remaining }],
  }
  return marks ? { ...result, ...marks } : result
}

/**
 * `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers: `"api";q=100;w=60` and
 * `"api";r=0;t=30`, and `Retry-After` when refused. A burst other than the quota is told as a parameter of our own.
 */
export function rateLimitHeaders(result: LimitResult): Readonly<Record<string, string>> {
  const policies: string[] = []
  const states: string[] = []
  for (const { name, limit, windowMs, burst, remaining } of result.policies) {
    const own = burst === limit ? '' : `;burst=${burst}`
    policies.push(`"${name}";q=${limit};w=${Math.max(1, Math.round(windowMs / 1_000))}${own}`)
    states.push(
      `"${name}";r=${remaining};t=${result.allowed ? result.resetAfter : finite(result.retryAfter, result.resetAfter)}`,
    )
  }
  return {
    'RateLimit-Policy': policies.join(', '),
    RateLimit: states.join(', '),
    ...(!result.allowed && Number.isFinite(result.retryAfter) && { 'Retry-After': String(result.retryAfter) }),
  }
}

/** The error that a refused limit is: 429 `LIMIT_EXCEEDED` with its headers. */
export function rateLimitError(result: LimitResult): ThroughlineError {
  const names = result.policies.map(({ name }) => name)
  const possible = Number.isFinite(result.retryAfter)
  return new ThroughlineError('LIMIT_EXCEEDED', {
    ...(!possible && { message: 'This costs more than the limit ever allows at once.' }),
    headers: rateLimitHeaders(result),
    details: {
      policy: names[0],
      limit: result.limit,
      ...(possible && { retryAfter: result.retryAfter }),
      'violated-policies': names,
    },
  })
}

function finite(value: number, otherwise: number): number {
  return Number.isFinite(value) ? value : otherwise
}
