import type { RateLimit, SlidingWindow } from '../catalog/definitions.ts'
import type { AskedParts } from './asked.ts'
import { subjectOf } from './ready-requests.ts'
import { operationOf, type ResolvedPolicy } from './resolved-policy.ts'

/** Policies whose actors are known at the most, and actors of each. */
const MAX_POLICIES = 10_000
const MAX_ACTORS = 1_000
/** Who did nothing for so long is not active any more, however long the window is. */
const LONGEST_ACTIVE_MS = 600_000

/**
 * Who is active in each tenant, as far as this process sees, so that an actor gets an equal part of the tenant's limit: all
 * of it while nobody else is there.
 */
export class FairShares {
  readonly #seen = new Map<string, Map<string, number>>()

  /** The part of a tenant's policy that this actor may use now, as a policy of its own. */
  of(resolved: ResolvedPolicy, { actor, takes, now }: Pick<AskedParts, 'actor' | 'takes' | 'now'>): ResolvedPolicy {
    const policy = resolved.policy as RateLimit | SlidingWindow
    const who = subjectOf(actor)
    const actors = this.#active(resolved.operation.key, now, Math.min(policy.windowMs, LONGEST_ACTIVE_MS))
    const active = actors.size + (actors.has(who) ? 0 : 1)
    if (takes) {
      // Those who were active last come last.
      actors.delete(who)
      actors.set(who, now)
    }
    const part = (units: number): number => Math.ceil(units / active)
    const own =
      policy.kind === 'rate'
        ? { ...policy, limit: part(policy.limit), burst: part(policy.burst) }
        : { ...policy, limit: part(policy.limit) }
    return {
      name: `${resolved.name}/fair-share`,
      policy: own,
      by: 'actor',
      operation: operationOf(own, `${resolved.operation.key}\u0000fair\u0000${who}`),
    }
  }

  #active(key: string, now: number, withinMs: number): Map<string, number> {
    let actors = this.#seen.get(key)
    if (!actors) {
      if (this.#seen.size >= MAX_POLICIES) this.#seen.delete(this.#seen.keys().next().value as string)
      actors = new Map()
      this.#seen.set(key, actors)
    }
    for (const [other, at] of actors) {
      if (now - at <= withinMs && actors.size < MAX_ACTORS) break
      actors.delete(other)
    }
    return actors
  }
}
