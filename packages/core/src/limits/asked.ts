import type { LimitPolicy } from '../catalog/definitions.ts'
import { ThroughlineError } from '../errors.ts'
import { MAX_OPERATIONS } from '../storage/limits.ts'
import type { Actor, Json } from '../vocabulary.ts'
import type { FairShares } from './fair-shares.ts'
import type { ResolvedLimit } from './limits-view.ts'
import { subjectOf } from './ready-requests.ts'
import { operationOf, type ResolvedPolicy, withSubject } from './resolved-policy.ts'

/** What one call asks of its limits' policies. */
export interface Asked {
  /** Decided together, in one step of the limits store. */
  readonly together: readonly ResolvedPolicy[]
  /** Decided by shares that this process has taken, one by one. */
  readonly shared: readonly ResolvedPolicy[]
  /** Only looked at. */
  readonly shadow: readonly ResolvedPolicy[]
}

/** What policies are resolved by in one context. */
export interface AskedParts {
  readonly actor: Actor
  route(): string
  flag(key: string): Json | undefined
  readonly fairShares: FairShares
  /** False for a look: it makes nobody active. */
  readonly takes: boolean
  readonly now: number
}

/** Everything that limits ask for a call, with the actor, the route and the flags filled in. */
export function askedOf(limits: readonly ResolvedLimit[], parts: AskedParts): Asked {
  const together: ResolvedPolicy[] = []
  const shared: ResolvedPolicy[] = []
  const shadow: ResolvedPolicy[] = []
  for (const limit of limits) {
    for (const declared of limit.policies) {
      const resolved = filledIn(withFlag(declared, parts), parts)
      const { policy, by } = resolved
      if (policy.shadow) shadow.push(resolved)
      else if (by === 'platform' || ('lease' in policy && policy.lease !== undefined)) shared.push(resolved)
      else together.push(resolved)
      if ('fairShare' in policy && policy.fairShare && !policy.shadow) {
        together.push(parts.fairShares.of(resolved, parts))
      }
    }
  }
  if (together.length + shared.length > MAX_OPERATIONS) {
    throw new ThroughlineError('LIMIT_INVALID', {
      message: `${limits.map(({ name }) => name).join(', ')}: ${together.length + shared.length} policies can not be decided at once.`,
      remedy: `Ask for fewer limits in one call: ${MAX_OPERATIONS} policies at the most.`,
    })
  }
  return { together, shared, shadow }
}

/** The flag has the last word where it serves a number; what was used under another number counts on. */
function withFlag(resolved: ResolvedPolicy, { flag }: AskedParts): ResolvedPolicy {
  const { policy, operation } = resolved
  if (policy.flag === undefined) return resolved
  const served = flag(policy.flag)
  if (typeof served !== 'number' || !Number.isSafeInteger(served) || served < 0) return resolved
  const flagged: LimitPolicy =
    policy.kind === 'rate'
      ? { ...policy, limit: served, burst: Math.ceil((policy.burst / policy.limit) * served) }
      : { ...policy, limit: served }
  return { ...resolved, policy: flagged, operation: operationOf(flagged, operation.key) }
}

function filledIn(resolved: ResolvedPolicy, { actor, route }: AskedParts): ResolvedPolicy {
  switch (resolved.by) {
    case 'actor':
      return withSubject(resolved, subjectOf(actor))
    case 'route':
      return withSubject(resolved, route())
    default:
      return resolved
  }
}

/** What nothing was taken of. */
export const NOTHING: Asked = Object.freeze({ together: [], shared: [], shadow: [] })

export function isConcurrency({ policy }: ResolvedPolicy): boolean {
  return policy.kind === 'concurrency'
}

/** Whether some of it can refuse. */
export function isEnforced({ together, shared }: Asked): boolean {
  return together.length + shared.length > 0
}

/** What of it is held until it is given back. */
export function held(asked: Asked): Asked {
  return only(asked, isConcurrency)
}

/** What of it is counted in units. */
export function counted(asked: Asked): Asked {
  return only(asked, (resolved) => !isConcurrency(resolved))
}

function only({ together, shared, shadow }: Asked, is: (resolved: ResolvedPolicy) => boolean): Asked {
  return { together: together.filter(is), shared: shared.filter(is), shadow: shadow.filter(is) }
}
