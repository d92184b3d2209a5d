import type { LimitBy, LimitPolicy } from '../catalog/definitions.ts'
import { rateUnits } from '../catalog/limit-units.ts'
import type { LimitOperation } from '../storage/limits.ts'
import { PLATFORM } from '../vocabulary.ts'

/** One policy of one tenant, with what the limits store is asked. */
export interface ResolvedPolicy {
  /** Told in headers and events: `api`, `api/actor`, `api/actor/2`. */
  readonly name: string
  readonly policy: LimitPolicy
  readonly by: LimitBy
  /** Its key lacks the actor or the route, where it counts by these. */
  readonly operation: LimitOperation
}

const KIND_LETTERS = { rate: 'r', window: 'w', concurrency: 'c' } as const

/**
 * The policies of one limit. Their keys are the same whichever definition holds: the second rate of an actor's in an
 * override goes on counting where the second one in the plan stopped.
 */
export function resolvedPolicies(tenant: string, name: string, list: readonly LimitPolicy[]): ResolvedPolicy[] {
  const taken = new Map<string, number>()
  const named = new Map<string, number>()
  const count = (of: Map<string, number>, what: string): string => {
    const nth = (of.get(what) ?? 0) + 1
    of.set(what, nth)
    return nth === 1 ? what : `${what}/${nth}`
  }
  return list.map((policy) => {
    const by = policy.by ?? 'tenant'
    const plainName = by === 'tenant' ? name : `${name}/${by}`
    const key = count(taken, `${plainName}\u0000${KIND_LETTERS[policy.kind]}`)
    const group = by === 'platform' ? PLATFORM : tenant
    return { name: count(named, plainName), policy, by, operation: operationOf(policy, `${group}\u0000${key}`) }
  })
}

/** The policy as it counts for one actor, or one route. */
export function withSubject(resolved: ResolvedPolicy, subject: string): ResolvedPolicy {
  const { operation } = resolved
  return { ...resolved, operation: { ...operation, key: `${operation.key}\u0000${subject}` } }
}

/** What the limits store is asked of a policy. */
export function operationOf(policy: LimitPolicy, key: string): LimitOperation {
  const { cost = 1, limit } = policy
  switch (policy.kind) {
    case 'rate': {
      // A limit of 0, which only a flag can set, lets nothing pass.
      const { weight, perMs } = limit === 0 ? { weight: 1, perMs: 1 } : rateUnits(policy)
      return { kind: 'rate', key, perMs, weight, capacity: policy.burst * weight, cost, place: -1 }
    }
    case 'window':
      return { kind: 'window', key, limit, windowMs: policy.windowMs, cost, place: -1 }
    case 'concurrency':
      return { kind: 'concurrency', key, limit, cost, ttlMs: policy.ttlMs }
  }
}
