import { type MaybePromise, next } from '../maybe-promise.ts'
import type { LimitRequest } from '../storage/limits.ts'
import { PLATFORM } from '../vocabulary.ts'
import type { Asked } from './asked.ts'
import type { Verdict } from './limit-result.ts'
import type { LimitsGate } from './limits-gate.ts'
import { LocalShares } from './local-shares.ts'
import type { ResolvedPolicy } from './resolved-policy.ts'

/** What was decided, and the policies that said so, in the order of the answer's decisions. */
export interface Decided {
  readonly policies: readonly ResolvedPolicy[]
  readonly verdict: Verdict
}

/** What of a request is not of one policy. */
export type Terms = Pick<LimitRequest, 'units' | 'mode' | 'lease'>

/**
 * Decides what a call asks: by the shares this process has, then by the limits store, all or nothing. What cannot be
 * decided in the one step of the store (the platform's own policies, and shares) is taken first and given back if that
 * step refuses.
 */
export class LimitDecider {
  readonly #gate: LimitsGate
  readonly #shares: LocalShares

  constructor(gate: LimitsGate, now: () => number) {
    this.#gate = gate
    this.#shares = new LocalShares({
      decide: (request, policies, at) => gate.decide(request, policies, at),
      refund: (request, at) => gate.refund(request, at),
      isDown: () => gate.down,
      now,
    })
  }

  decide(tenant: string, asked: Asked, terms: Terms, now: number): MaybePromise<Decided> {
    if (asked.shared.length === 0) return this.#together(tenant, asked.together, terms, now)
    if (terms.mode !== 'take') return this.#exactly(tenant, asked, terms, now)
    return next(this.#shared(tenant, asked.shared, terms.units, now), (shared) => {
      if (shared.verdict.granted === 0 || asked.together.length === 0) return shared
      return next(this.#together(tenant, asked.together, terms, now), (together) => {
        if (together.verdict.granted > 0) return merged(shared, together)
        for (const { operation } of asked.shared) this.#shares.giveBack(operation, terms.units)
        return together
      })
    })
  }

  /** Decides by what this process has taken in advance alone; `undefined` where that is not enough. */
  spend(policies: readonly ResolvedPolicy[], units: number, now: number): Verdict | undefined {
    return this.#shares.spend(policies, units, now)
  }

  /** One policy alone: nobody else's refusal hides what it says. */
  alone(tenant: string, resolved: ResolvedPolicy, terms: Terms, now: number): MaybePromise<Decided> {
    return this.#together(tenant, [resolved], terms, now)
  }

  giveBack(tenant: string, asked: Asked, terms: Terms, now: number): MaybePromise<void> {
    for (const { operation } of asked.shared) this.#shares.giveBack(operation, terms.units)
    if (asked.together.length > 0) return this.#gate.refund(requestOf(tenant, asked.together, terms), now)
    return undefined
  }

  /** False: the lease has ended. */
  renew(tenant: string, asked: Asked, terms: Terms, now: number): Promise<boolean> {
    return this.#gate.renew(requestOf(tenant, asked.together, terms), now)
  }

  close(): Promise<void> {
    return this.#shares.close()
  }

  #together(tenant: string, policies: readonly ResolvedPolicy[], terms: Terms, now: number): MaybePromise<Decided> {
    const verdict = this.#gate.decide(requestOf(tenant, policies, terms), policies, now)
    return verdict instanceof Promise ? verdict.then((given) => ({ policies, verdict: given })) : { policies, verdict }
  }

  /** Each policy of the shares in turn; what earlier ones gave goes back when a later one refuses. */
  #shared(tenant: string, policies: readonly ResolvedPolicy[], units: number, now: number): MaybePromise<Decided> {
    const from = (i: number, before: Decided | undefined): MaybePromise<Decided> => {
      const resolved = policies[i]
      if (!resolved) return before as Decided
      const group = resolved.by === 'platform' ? PLATFORM : tenant
      return next(this.#shares.take(group, resolved, resolved.operation, units, now), (verdict) => {
        const decided = { policies: [resolved], verdict }
        if (verdict.granted > 0) return from(i + 1, before ? merged(before, decided) : decided)
        for (const { operation } of policies.slice(0, i)) this.#shares.giveBack(operation, units)
        return decided
      })
    }
    return from(0, undefined)
  }

  /** Where a part or a look is asked, the store itself is: the tenant's policies together, then each of the platform's. */
  #exactly(tenant: string, asked: Asked, terms: Terms, now: number): MaybePromise<Decided> {
    const own = [...asked.together, ...asked.shared.filter(({ by }) => by !== 'platform')]
    const platform = asked.shared.filter(({ by }) => by === 'platform')
    const first = own.length > 0 ? this.#together(tenant, own, terms, now) : undefined
    if (platform.length === 0) return first as MaybePromise<Decided>
    return next(first, (ours) => {
      const granted = ours?.verdict.granted ?? terms.units
      if (ours && granted === 0) return ours
      return next(this.#together(PLATFORM, platform, { ...terms, units: granted }, now), (theirs) => {
        const back = granted - theirs.verdict.granted
        if (!ours) return theirs
        const answer = merged(ours, theirs)
        if (back === 0 || terms.mode === 'peek') return answer
        return next(this.#gate.refund(requestOf(tenant, own, { ...terms, units: back }), now), () => answer)
      })
    })
  }
}

function requestOf(tenant: string, policies: readonly ResolvedPolicy[], terms: Terms): LimitRequest {
  return { ...terms, group: tenant, operations: policies.map(({ operation }) => operation) }
}

function merged(a: Decided, b: Decided): Decided {
  const degraded = b.verdict.degraded ?? a.verdict.degraded
  const verdict = {
    granted: Math.min(a.verdict.granted, b.verdict.granted),
    decisions: [...a.verdict.decisions, ...b.verdict.decisions],
  }
  return { policies: [...a.policies, ...b.policies], verdict: degraded ? { ...verdict, degraded } : verdict }
}
