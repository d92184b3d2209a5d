import { serializeBareItem, serializeItem, type Token } from 'structured-headers'
import type { LimitResult, PolicyResult } from './limit-result.ts'

/** Which headers tell clients of their limits. */
export type LimitHeaders = 'draft' | 'legacy' | 'both' | 'none'

/** Whose limits these are, told to the one who asks: the draft's partition key. */
export interface Partition {
  readonly tenant: { readonly id: string }
  readonly actor: { readonly id: string }
}

/** The largest whole number of a structured field (RFC 9651, section 3.3.1). */
const MOST = 999_999_999_999_999
/** Policies whose texts are kept ready. */
const MAX_READY = 1_000
const ready = new Map<string, { readonly policy: string; readonly state: string }>()

/**
 * `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10: `"api";q=100;w=60;pk=:YWNtZQ==:` and
 * `"api";r=0;t=30;pk=:YWNtZQ==:`, an item for each policy; and `Retry-After` when refused. A burst other than the quota is
 * told as a parameter of our own. `legacy`: `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds) of the policy that
 * decides.
 */
export function rateLimitHeaders(
  result: LimitResult,
  partition: Partition,
  which: LimitHeaders = 'draft',
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  if ((which === 'draft' || which === 'both') && result.policies.length > 0) {
    let policies = ''
    let states = ''
    for (const policy of result.policies) {
      const text = textOf(policy, partition)
      const t = policy.allowed ? policy.resetAfter : finite(policy.retryAfter, policy.resetAfter)
      policies += `${policies && ', '}${text.policy}`
      states += `${states && ', '}${text.state};r=${whole(policy.remaining)};t=${whole(t)}`
    }
    headers['RateLimit-Policy'] = policies
    headers.RateLimit = states
  }
  if ((which === 'legacy' || which === 'both') && result.policies.length > 0) {
    headers['X-RateLimit-Limit'] = String(result.limit)
    headers['X-RateLimit-Remaining'] = String(result.remaining)
    headers['X-RateLimit-Reset'] = String(
      result.allowed ? result.resetAfter : finite(result.retryAfter, result.resetAfter),
    )
  }
  if (!result.allowed && Number.isFinite(result.retryAfter)) headers['Retry-After'] = String(result.retryAfter)
  return headers
}

/** What of the two items is the same from request to request. */
function textOf(
  { name, kind, by, limit, windowMs, burst }: PolicyResult,
  { tenant, actor }: Partition,
): { readonly policy: string; readonly state: string } {
  const of = by === 'actor' ? actor.id : by === 'platform' ? '' : tenant.id
  const key = `${name}\n${kind}\n${limit}\n${windowMs}\n${burst}\n${of}`
  const known = ready.get(key)
  if (known) return known
  const parameters = new Map<string, number | Token | string | ArrayBuffer>([['q', whole(limit)]])
  if (windowMs !== undefined) parameters.set('w', Math.max(1, Math.round(windowMs / 1_000)))
  if (kind === 'concurrency') parameters.set('qu', 'concurrent-requests')
  if (burst !== undefined && burst !== limit) parameters.set('burst', whole(burst))
  if (of !== '') parameters.set('pk', bytesOf(of))
  const text = {
    policy: serializeItem(name, parameters),
    state: of === '' ? serializeBareItem(name) : serializeItem(name, new Map([['pk', bytesOf(of)]])),
  }
  if (ready.size >= MAX_READY) ready.clear()
  ready.set(key, text)
  return text
}

function bytesOf(text: string): ArrayBuffer {
  const bytes = new TextEncoder().encode(text)
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
}

function whole(value: number): number {
  return Math.min(Math.max(0, Math.floor(value)), MOST)
}

function finite(value: number, otherwise: number): number {
  return Number.isFinite(value) ? value : otherwise
}
