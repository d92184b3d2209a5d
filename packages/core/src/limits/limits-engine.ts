import type { Catalog } from '../catalog/definitions.ts'
import { ThroughlineError } from '../errors.ts'
import { type MaybePromise, next } from '../maybe-promise.ts'
import type { ActorRequest } from './actor-requests.ts'
import { type Asked, askedOf, counted, isEnforced, NOTHING } from './asked.ts'
import { type EnteredLimit, HeldUntilEnd, TakenUnits } from './entered-limit.ts'
import { FairShares } from './fair-shares.ts'
import { holdOf } from './hold-of.ts'
import { type Decided, LimitDecider, type Terms } from './limit-decider.ts'
import type { LimitHold } from './limit-hold.ts'
import { LimitNotes } from './limit-notes.ts'
import { type LimitResult, limitResult, type Verdict } from './limit-result.ts'
import type { ConsumeOptions, Limits, LimitsEngine, LimitsOptions, LimitsScope } from './limits.ts'
import { LimitsGate } from './limits-gate.ts'
import type { ResolvedLimit } from './limits-view.ts'
import { LoadShedder, priorityOf } from './load-shedder.ts'
import { costOf, limitIn, limitsIn, type Names, notHeld, refuseHolding } from './named-limits.ts'
import type { ResolvedPolicy } from './resolved-policy.ts'

/** Makes the limits engine. What passes is counted on the context's record; what is refused stands on it. */
export function createLimits(options: LimitsOptions): LimitsEngine {
  return new LimitsOfTenants(options)
}

/** A decision, and the policies that counted it. */
interface Taken {
  readonly result: LimitResult
  readonly taken: Asked
}

class LimitsOfTenants implements LimitsEngine {
  readonly face: Limits<Catalog>
  readonly #options: LimitsOptions
  readonly #gate: LimitsGate
  readonly #decider: LimitDecider
  readonly #fairShares = new FairShares()
  readonly #notes: LimitNotes
  readonly #shedder: LoadShedder | undefined

  constructor(options: LimitsOptions) {
    this.#options = options
    this.#gate = new LimitsGate({
      store: options.store,
      fallback: options.fallback,
      share: options.share,
      timeoutMs: options.timeoutMs,
      onFailure: (error) => options.onDegraded?.(error),
    })
    this.#decider = new LimitDecider(this.#gate, () => this.#now())
    this.#notes = new LimitNotes({ store: options.store.name, observes: options.mode === 'observe' })
    this.#shedder = options.shedding && new LoadShedder(options.shedding)
    this.face = Object.freeze({
      consume: (names: Names, asked?: ConsumeOptions) => this.consume(names, asked),
      tryConsume: (names: Names, asked: ConsumeOptions & { readonly partial: true }) => this.tryConsume(names, asked),
      peek: (names: Names, asked?: ConsumeOptions) => this.peek(names, asked),
      refund: (names: Names, asked?: ConsumeOptions) => this.refund(names, asked),
      reserve: (names: Names, asked?: ConsumeOptions) => this.reserve(names, asked),
      hold: (names: Names, asked?: ConsumeOptions) => this.hold(names, asked),
    })
  }

  get degraded(): boolean {
    return this.#gate.down
  }

  consume(names: Names, options?: ConsumeOptions): MaybePromise<LimitResult> {
    const scope = this.#options.scope()
    const now = this.#now()
    if (typeof names === 'string') {
      const limit = limitIn(scope, names, now)
      if (limit.isHeld) throw notHeld(limit)
      return this.#takeOne(scope, limit, costOf(options), now)
    }
    const limits = limitsIn(scope, names, now)
    refuseHolding(limits)
    return this.#decide(scope, limits, { units: costOf(options), mode: 'take' }, now)
  }

  tryConsume(names: Names, options: ConsumeOptions & { readonly partial: true }): MaybePromise<LimitResult> {
    if (options?.partial !== true) return this.consume(names, options)
    const scope = this.#options.scope()
    const now = this.#now()
    const limits = limitsIn(scope, names, now)
    refuseHolding(limits)
    return this.#decide(scope, limits, { units: costOf(options), mode: 'partial' }, now)
  }

  peek(names: Names, options?: ConsumeOptions): MaybePromise<LimitResult> {
    const scope = this.#options.scope()
    const now = this.#now()
    const asked = this.#asked(scope, limitsIn(scope, names, now), now, 'looks')
    const terms = { units: costOf(options), mode: 'peek' } as const
    const decided = isEnforced(asked)
      ? this.#decider.decide(scope.tenant.id, asked, terms, now)
      : next(this.#decider.alone(scope.tenant.id, asked.shadow[0] as ResolvedPolicy, terms, now), (shadow) =>
          letPass(shadow, terms.units),
        )
    return next(decided, ({ policies, verdict }) => limitResult(policies, verdict))
  }

  async refund(names: Names, options?: ConsumeOptions): Promise<void> {
    const scope = this.#options.scope()
    const now = this.#now()
    const asked = counted(this.#asked(scope, limitsIn(scope, names, now), now, 'looks'))
    await this.#decider.giveBack(scope.tenant.id, asked, { units: costOf(options), mode: 'take' }, now)
  }

  reserve(names: Names, options?: ConsumeOptions): Promise<LimitHold> {
    return this.#hold(this.#options.scope(), names, costOf(options), 'release')
  }

  hold(names: Names, options?: ConsumeOptions): Promise<LimitHold> {
    return this.#hold(this.#options.scope(), names, costOf(options), 'commit')
  }

  enterIn(scope: LimitsScope, names: Names, cost: number): MaybePromise<EnteredLimit> {
    const now = this.#now()
    const limits = limitsIn(scope, names, now)
    if (limits.some(({ isHeld }) => isHeld)) {
      return this.#hold(scope, names, cost, 'commit').then((hold) => new HeldUntilEnd(hold))
    }
    const terms = { units: cost, mode: 'take' } as const
    const only = limits.length === 1 ? limits[0] : undefined
    const decided = only ? this.#takeOne(scope, only, cost, now) : this.#decide(scope, limits, terms, now)
    const giveBack = ({ degraded }: LimitResult): Promise<void> => {
      const later = this.#now()
      return this.#decider.giveBack(scope.tenant.id, this.#asked(scope, limits, later), terms, later, degraded)
    }
    return decided instanceof Promise
      ? decided.then((result) => new TakenUnits(result, giveBack))
      : new TakenUnits(decided, giveBack)
  }

  async open(migrate: 'auto' | 'check'): Promise<void> {
    const { store, onDegraded } = this.#options
    try {
      await store.open?.({ migrate })
    } catch (error) {
      if (!(error instanceof ThroughlineError) || error.code !== 'RECORDS_UNAVAILABLE') throw error
      onDegraded?.(error)
    }
  }

  async close(): Promise<void> {
    this.#shedder?.close()
    await this.#decider.close()
  }

  #now(): number {
    return Math.floor(this.#options.now())
  }

  /** What nearly every call is: one limit, whose policies are decided in one step of the store. */
  #takeOne(scope: LimitsScope, limit: ResolvedLimit, units: number, now: number): MaybePromise<LimitResult> {
    const leased = this.#shedder ? undefined : limit.leased?.of(scope.actor)
    const spent = leased && this.#decider.spend(leased.policies, units, now)
    if (leased && spent) return this.#notedOne(scope, limit, leased.policies, spent, now)
    const ready = limit.request ? (limit as ActorRequest) : limit.ofActors?.of(scope.actor)
    if (!ready || this.#shedder) return this.#decide(scope, [limit], { units, mode: 'take' }, now)
    const request = units === 1 ? ready.request : { ...ready.request, units }
    const verdict = this.#gate.decide(request, ready.policies, now)
    return verdict instanceof Promise
      ? this.#notedLater(scope, limit, ready.policies, verdict, now)
      : this.#notedOne(scope, limit, ready.policies, verdict, now)
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

  #decide(scope: LimitsScope, limits: readonly ResolvedLimit[], terms: Terms, now: number): MaybePromise<LimitResult> {
    const shed = this.#shed(scope, limits, now)
    if (shed) return shed
    const asked = this.#asked(scope, limits, now)
    if (asked.shadow.length > 0) {
      return this.#decideWithShadow(scope, limits, asked, terms, now).then(({ result }) => result)
    }
    const decided = this.#decider.decide(scope.tenant.id, asked, terms, now)
    return decided instanceof Promise
      ? decided.then((given) => this.#noted(scope, limits, given, now))
      : this.#noted(scope, limits, decided, now)
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

  async #hold(scope: LimitsScope, names: Names, units: number, atEnd: 'commit' | 'release'): Promise<LimitHold> {
    const now = this.#now()
    const terms = { units, mode: 'take', lease: this.#options.newId() } as const
    const { result, taken } = await this.#take(scope, limitsIn(scope, names, now), terms, now)
    return holdOf({
      decider: this.#decider,
      tenant: scope.tenant.id,
      taken,
      terms,
      result,
      atEnd,
      now: () => this.#now(),
    })
  }

  /** Takes, and says what of all that was asked counted it. */
  async #take(scope: LimitsScope, limits: readonly ResolvedLimit[], terms: Terms, now: number): Promise<Taken> {
    const shed = this.#shed(scope, limits, now)
    if (shed) return { result: shed, taken: NOTHING }
    const asked = this.#asked(scope, limits, now)
    if (asked.shadow.length > 0) return this.#decideWithShadow(scope, limits, asked, terms, now)
    const decided = await this.#decider.decide(scope.tenant.id, asked, terms, now)
    return { result: this.#noted(scope, limits, decided, now), taken: asked }
  }

  #asked(
    scope: LimitsScope,
    limits: readonly ResolvedLimit[],
    now: number,
    purpose: 'takes' | 'looks' = 'takes',
  ): Asked {
    const { actor } = scope
    return askedOf(limits, {
      actor,
      route: () => scope.route,
      flag: (key) => this.#options.flag(scope, key),
      fairShares: this.#fairShares,
      takes: purpose === 'takes',
      now,
    })
  }
}

function letPass({ policies, verdict }: Decided, units: number): Decided {
  return { policies, verdict: { ...verdict, granted: units } }
}
