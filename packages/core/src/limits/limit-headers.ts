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
/** Tenants and actors whose texts are kept ready, and texts of each. */
const MAX_READY = 10_000
const MAX_OF_ONE = 20

/** What of the two items of a policy is the same from request to request. */
interface ReadyText extends Pick<PolicyResult, 'name' | 'kind' | 'limit' | 'windowMs' | 'burst'> {
  readonly policy: string
  readonly state: string
}

/** By the partition key. */
const ready = new Map<string, ReadyText[]>()

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
  // Policies in shadow are decided alone: where there is one, there is no other.
  const tells = result.policies.length > 0 && result.policies[0]?.shadow === undefined
  if ((which === 'draft' || which === 'both') && tells) {
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
  if ((which === 'legacy' || which === 'both') && tells) {
    headers['X-RateLimit-Limit'] = String(result.limit)
    headers['X-RateLimit-Remaining'] = String(result.remaining)
    headers['X-RateLimit-Reset'] = String(
      result.allowed ? result.resetAfter : finite(result.retryAfter, result.resetAfter),
    )
  }
  if (!result.allowed && Number.isFinite(result.retryAfter)) headers['Retry-After'] = String(result.retryAfter)
  return headers
}

function textOf(result: PolicyResult, { tenant, actor }: Partition): ReadyText {
  const { name, kind, by, limit, windowMs, burst } = result
  const of = by === 'actor' ? actor.id : by === 'platform' ? '' : tenant.id
  const texts = ready.get(of)
  if (texts) {
    for (const it of texts) {
      if (
        it.name === name &&
        it.limit === limit &&
        it.windowMs === windowMs &&
        it.burst === burst &&
        it.kind === kind
      ) {
        return it
      }
    }
  }
  const text = newText(result, of)
  if (texts && texts.length < MAX_OF_ONE) texts.push(text)
  else {
    if (ready.size >= MAX_READY) ready.clear()
    ready.set(of, [text])
  }
  return text
}

function newText({ name, kind, limit, windowMs, burst }: PolicyResult, of: string): ReadyText {
  const parameters = new Map<string, number | Token | string | ArrayBuffer>([['q', whole(limit)]])
  if (windowMs !== undefined) parameters.set('w', Math.max(1, Math.round(windowMs / 1_000)))
  if (kind === 'concurrency') parameters.set('qu', 'concurrent-requests')
  if (burst !== undefined && burst !== limit) parameters.set('burst', whole(burst))
  if (of !== '') parameters.set('pk', bytesOf(of))
  return {
    name,
    kind,
    limit,
    ...(windowMs !== undefined && { windowMs }),
    ...(burst !== undefined && { burst }),
    policy: serializeItem(name, parameters),
    state: of === '' ? serializeBareItem(name) : serializeItem(name, new Map([['pk', bytesOf(of)]])),
  }
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
