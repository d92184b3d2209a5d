import { type MaybePromise, next } from '../maybe-promise.ts'
import type { Json } from '../vocabulary.ts'
import { type Asked, askedOf, isEnforced, NOTHING } from './asked.ts'
import { FairShares } from './fair-shares.ts'
import type { Decided, LimitDecider, Terms } from './limit-decider.ts'
import type { LimitNotes } from './limit-notes.ts'
import { type LimitResult, limitResult, type Verdict } from './limit-result.ts'
import type { LimitsScope } from './limits.ts'
import type { LimitsGate } from './limits-gate.ts'
import type { ResolvedLimit } from './limits-view.ts'
import { type LoadShedder, priorityOf } from './load-shedder.ts'
import type { ResolvedPolicy } from './resolved-policy.ts'

/** A decision, and the policies that counted it. */
interface Taken {
  readonly result: LimitResult
  readonly taken: Asked
}

export interface ScopedLimitsParts {
  readonly gate: LimitsGate
  readonly decider: LimitDecider
  readonly notes: LimitNotes
  readonly shedder: LoadShedder | undefined
  /** What a flag serves in a context. */
  flag(scope: LimitsScope, key: string): Json | undefined
}

/** Limits as they are in an open context: by its actor, route and flags, and with what is left on its record. */
export class ScopedLimits {
  readonly #parts: ScopedLimitsParts
  readonly #gate: LimitsGate
  readonly #decider: LimitDecider
  readonly #notes: LimitNotes
  readonly #shedder: LoadShedder | undefined
  readonly #fairShares = new FairShares()

  constructor(parts: ScopedLimitsParts) {
    this.#parts = parts
    this.#gate = parts.gate
    this.#decider = parts.decider
    this.#notes = parts.notes
    this.#shedder = parts.shedder
  }

  /** What nearly every call is: one limit, whose policies are decided in one step of the store. */
  takeOne(scope: LimitsScope, limit: ResolvedLimit, units: number, now: number): MaybePromise<LimitResult> {
    const leased = this.#shedder ? undefined : limit.leased?.of(scope.actor)
    const spent = leased && this.#decider.spend(leased.policies, units, now)
    if (leased && spent) return this.#notedOne(scope, limit, leased.policies, spent, now)
    const ready = limit.steady?.of(scope.actor)
    if (!ready || this.#shedder) return this.take(scope, [limit], { units, mode: 'take' }, now)
    const request = units === 1 ? ready.request : { ...ready.request, units }
    const verdict = this.#gate.decide(request, ready.policies, now)
    return verdict instanceof Promise
      ? this.#notedLater(scope, limit, ready.policies, verdict, now)
      : this.#notedOne(scope, limit, ready.policies, verdict, now)
  }

  /** Takes from all of them, or from none. */
  take(scope: LimitsScope, limits: readonly ResolvedLimit[], terms: Terms, now: number): MaybePromise<LimitResult> {
    const shed = this.#shed(scope, limits, now)
    if (shed) return shed
    const asked = this.asked(scope, limits, now)
    if (asked.shadow.length > 0) {
      return this.#decideWithShadow(scope, limits, asked, terms, now).then(({ result }) => result)
    }
    const decided = this.#decider.decide(scope.tenant.id, asked, terms, now)
    return decided instanceof Promise
      ? decided.then((given) => this.#noted(scope, limits, given, now))
      : this.#noted(scope, limits, decided, now)
  }

  /** Takes, and says what of all that was asked counted it. */
  async takeToHold(scope: LimitsScope, limits: readonly ResolvedLimit[], terms: Terms, now: number): Promise<Taken> {
    const shed = this.#shed(scope, limits, now)
    if (shed) return { result: shed, taken: NOTHING }
    const asked = this.asked(scope, limits, now)
    if (asked.shadow.length > 0) return this.#decideWithShadow(scope, limits, asked, terms, now)
    const decided = await this.#decider.decide(scope.tenant.id, asked, terms, now)
    return { result: this.#noted(scope, limits, decided, now), taken: asked }
  }

  /** What a take would find. */
  look(scope: LimitsScope, limits: readonly ResolvedLimit[], units: number, now: number): MaybePromise<LimitResult> {
    const asked = this.asked(scope, limits, now, 'looks')
    const terms = { units, mode: 'peek' } as const
    const decided = isEnforced(asked)
      ? this.#decider.decide(scope.tenant.id, asked, terms, now)
      : next(this.#decider.alone(scope.tenant.id, asked.shadow[0] as ResolvedPolicy, terms, now), (shadow) =>
          letPass(shadow, units),
        )
    return next(decided, ({ policies, verdict }) => limitResult(policies, verdict))
  }

  /** What limits ask of a context. A look makes nobody active. */
  asked(
    scope: LimitsScope,
    limits: readonly ResolvedLimit[],
    now: number,
    purpose: 'takes' | 'looks' = 'takes',
  ): Asked {
    const { actor } = scope
    return askedOf(limits, {
      actor,
      route: () => scope.route,
      flag: (key) => this.#parts.flag(scope, key),
      fairShares: this.#fairShares,
      takes: purpose === 'takes',
      now,
    })
  }

  /** Apart: a closure is made for it, which a verdict at once does not need. */
  #notedLater(
    scope: LimitsScope,
    limit: ResolvedLimit,
    policies: readonly ResolvedPolicy[],
    verdict: Promise<Verdict>,
    now: number,
  ): Promise<LimitResult> {
    return verdict.then((given) => this.#notedOne(scope, limit, policies, given, now))
  }

  #notedOne(
    scope: LimitsScope,
    limit: ResolvedLimit,
    policies: readonly ResolvedPolicy[],
    verdict: Verdict,
    now: number,
  ): LimitResult {
    const result = limitResult(policies, verdict)
    if (!result.allowed || result.degraded || limit.tellsNear) {
      return this.#notes.decided(scope, [limit], policies, result, now)
    }
    scope.fold(limit.passed)
    return result
  }

  #shed(scope: LimitsScope, limits: readonly ResolvedLimit[], now: number): LimitResult | undefined {
    const shed = this.#shedder?.refuses(scope.tenant, priorityOf(limits), now)
    return shed && this.#notes.shed(scope, limits, shed)
  }

  #noted(
    scope: LimitsScope,
    limits: readonly ResolvedLimit[],
    { policies, verdict }: Decided,
    now: number,
  ): LimitResult {
    return this.#notes.decided(scope, limits, policies, limitResult(policies, verdict), now)
  }

  /** Policies that refuse nobody are asked for what passes, each by itself: nobody else's refusal hides what it says. */
  async #decideWithShadow(
    scope: LimitsScope,
    limits: readonly ResolvedLimit[],
    asked: Asked,
    terms: Terms,
    now: number,
  ): Promise<Taken> {
    const tenant = scope.tenant.id
    const decided = isEnforced(asked) ? await this.#decider.decide(tenant, asked, terms, now) : undefined
    const result = decided && this.#noted(scope, limits, decided, now)
    if (result && result.granted === 0) return { result, taken: NOTHING }
    const units = result?.granted ?? terms.units
    const shadow: ResolvedPolicy[] = []
    let first: Decided | undefined
    for (const resolved of asked.shadow) {
      const alone = await this.#decider.alone(tenant, resolved, { ...terms, units }, now)
      this.#notes.shadowed(scope, resolved.name, limitResult(alone.policies, alone.verdict))
      if (alone.verdict.granted > 0) shadow.push(resolved)
      first ??= alone
    }
    return {
      result: result ?? this.#noted(scope, limits, letPass(first as Decided, units), now),
      taken: { ...asked, shadow },
    }
  }
}

function letPass({ policies, verdict }: Decided, units: number): Decided {
  return { policies, verdict: { ...verdict, granted: units } }
}
