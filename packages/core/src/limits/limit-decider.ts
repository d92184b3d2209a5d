import type { WhenUnavailable } from '../catalog/definitions.ts'
import { type MaybePromise, next } from '../maybe-promise.ts'
import type { LimitRequest } from '../storage/limits.ts'
import { PLATFORM } from '../vocabulary.ts'
import { type Asked, isConcurrency } from './asked.ts'
import type { Renewal } from './limit-hold.ts'
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
      refund: (request, at, degraded) => gate.refund(request, at, degraded),
      isDown: () => gate.down,
      now,
    })
  }

  decide(tenant: string, asked: Asked, terms: Terms, now: number): MaybePromise<Decided> {
    if (asked.shared.length === 0) return this.#together(tenant, asked.together, terms, now)
    if (terms.mode !== 'take') return this.#exactly(tenant, asked, terms, now)
    return next(this.#shared(tenant, asked.shared, terms, now), (shared) => {
      if (shared.verdict.granted === 0 || asked.together.length === 0) return shared
      return next(this.#together(tenant, asked.together, terms, now), (together) => {
        if (together.verdict.granted > 0) return merged(shared, together)
        this.#giveBackShares(tenant, asked.shared, terms, now, shared.verdict.degraded)
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
    return this.#together(groupOf(resolved, tenant), [resolved], terms, now)
  }

  /** @param degraded how it was taken, if the limits store did not answer */
  async giveBack(
    tenant: string,
    { together, shared, shadow }: Asked,
    terms: Terms,
    now: number,
    degraded?: WhenUnavailable,
  ): Promise<void> {
    await Promise.all([
      together.length > 0 && this.#gate.refund(requestOf(tenant, together, terms), now, degraded),
      ...this.#giveBackShares(tenant, shared, terms, now, degraded),
      ...shadow.map((it) => this.#gate.refund(requestOf(groupOf(it, tenant), [it], terms), now, degraded)),
    ])
  }

  /** Takes what was used already, whatever room there is. */
  async force(tenant: string, asked: Asked, units: number, now: number): Promise<void> {
    const terms = { units, mode: 'force' } as const
    const { together, shared, shadow } = asked
    if (together.length + shared.length > 0) await this.decide(tenant, asked, terms, now)
    await Promise.all(shadow.map((it) => this.alone(tenant, it, terms, now)))
  }

  /** Prolongs a lease; nothing depends on what of it is in shadow. */
  async renew(
    tenant: string,
    { together, shared, shadow }: Asked,
    terms: Terms,
    now: number,
    degraded?: WhenUnavailable,
  ): Promise<Renewal> {
    const renew = (policies: readonly ResolvedPolicy[], group: string): Promise<Renewal> =>
      this.#gate.renew(requestOf(group, policies, terms), now, degraded)
    const alone = (it: ResolvedPolicy): Promise<Renewal> => renew([it], groupOf(it, tenant))
    const [renewed] = await Promise.all([
      Promise.all([...(together.length > 0 ? [renew(together, tenant)] : []), ...shared.map(alone)]),
      ...shadow.map(alone),
    ])
    return renewed.find((it) => it === 'ended') ?? renewed.find((it) => it === 'unanswered') ?? 'held'
  }

  close(): Promise<void> {
    return this.#shares.close()
  }

  #together(tenant: string, policies: readonly ResolvedPolicy[], terms: Terms, now: number): MaybePromise<Decided> {
    const verdict = this.#gate.decide(requestOf(tenant, policies, terms), policies, now)
    return verdict instanceof Promise ? verdict.then((given) => ({ policies, verdict: given })) : { policies, verdict }
  }

  /** Each policy of the shares in turn; what earlier ones gave goes back when a later one refuses. */
  #shared(tenant: string, policies: readonly ResolvedPolicy[], terms: Terms, now: number): MaybePromise<Decided> {
    const from = (i: number, before: Decided | undefined): MaybePromise<Decided> => {
      const resolved = policies[i]
      if (!resolved) return before as Decided
      const shared = this.#share(tenant, resolved, terms, now)
      if (shared instanceof Promise) this.#prepare(tenant, policies.slice(i + 1), terms, now)
      return next(shared, (decided) => {
        if (decided.verdict.granted > 0) return from(i + 1, before ? merged(before, decided) : decided)
        this.#giveBackShares(tenant, policies.slice(0, i), terms, now, before?.verdict.degraded)
        return decided
      })
    }
    return from(0, undefined)
  }

  #prepare(tenant: string, policies: readonly ResolvedPolicy[], { units }: Terms, now: number): void {
    for (const it of policies) {
      if (!isConcurrency(it)) this.#shares.prepare(groupOf(it, tenant), it, units, now)
    }
  }

  /** What the platform lets run at once is decided exactly: a lease lasts too long to hold others in advance. */
  #share(tenant: string, resolved: ResolvedPolicy, terms: Terms, now: number): MaybePromise<Decided> {
    if (isConcurrency(resolved)) return this.alone(tenant, resolved, terms, now)
    const verdict = this.#shares.take(groupOf(resolved, tenant), resolved, resolved.operation, terms.units, now)
    return next(verdict, (given) => ({ policies: [resolved], verdict: given }))
  }

  /** Each where it was taken: by this process alone, if the store did not answer. */
  #giveBackShares(
    tenant: string,
    policies: readonly ResolvedPolicy[],
    terms: Terms,
    now: number,
    degraded: WhenUnavailable | undefined,
  ): MaybePromise<void>[] {
    return policies.map((it) => {
      const group = groupOf(it, tenant)
      return degraded || isConcurrency(it)
        ? this.#gate.refund(requestOf(group, [it], terms), now, degraded)
        : this.#shares.giveBack(group, it, terms.units, now)
    })
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

function groupOf({ by }: ResolvedPolicy, tenant: string): string {
  return by === 'platform' ? PLATFORM : tenant
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
