import type { Catalog } from '../catalog/definitions.ts'
import type { LimitName } from '../catalog/keys.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import { type MaybePromise, next } from '../maybe-promise.ts'
import type { LimitsStore } from '../storage/limits.ts'
import type { Actor, Json } from '../vocabulary.ts'
import type { ActorRequest } from './actor-requests.ts'
import { type Asked, askedOf } from './asked.ts'
import { FairShares } from './fair-shares.ts'
import { type Decided, LimitDecider, type Terms } from './limit-decider.ts'
import { HeldLimit, type LimitHold } from './limit-hold.ts'
import { LimitNotes, type NotedScope } from './limit-notes.ts'
import { type LimitResult, limitResult, type Verdict } from './limit-result.ts'
import { LimitsGate } from './limits-gate.ts'
import type { LimitsView, ResolvedLimit } from './limits-view.ts'
import { LoadShedder, type LoadSheddingOptions, priorityOf } from './load-shedder.ts'
import type { ResolvedPolicy } from './resolved-policy.ts'

/** What limits read of an open tenant context. */
export interface LimitsScope extends NotedScope {
  readonly snapshot: { readonly limits: LimitsView }
  readonly tenant: { readonly id: string; readonly plan?: string }
  readonly actor: Actor
  /** What policies by route count under: `GET /reports/:id`; one and the same outside of requests. */
  readonly route: string
}

export interface ConsumeOptions {
  /** Units this takes, a whole number above 0; 1 unless said. */
  readonly cost?: number
}

/** Limits of the current tenant. `name` may be several names: all of them are decided together, or nothing is taken. */
export interface Limits<C extends Catalog = RegisteredCatalog> {
  /**
   * Takes from a limit and says whether that was allowed: nothing is taken when it was not. Answers at once when the
   * limits store is in memory; `await` does for both.
   *
   * @throws ThroughlineError `LIMIT_UNKNOWN`, `LIMIT_COST_INVALID`; `LIMIT_NOT_HELD` for a concurrency policy, which
   *   `hold` takes; `TENANT_REQUIRED` outside a tenant context
   */
  consume(name: LimitName<C> | readonly LimitName<C>[], options?: ConsumeOptions): MaybePromise<LimitResult>
  /** Takes as many of the units as there are: `granted` says how many. */
  tryConsume(
    name: LimitName<C> | readonly LimitName<C>[],
    options: ConsumeOptions & { readonly partial: true },
  ): MaybePromise<LimitResult>
  /** Whether `consume` would be allowed now, and what is left; takes nothing and leaves nothing on record. */
  peek(name: LimitName<C> | readonly LimitName<C>[], options?: ConsumeOptions): MaybePromise<LimitResult>
  /** Gives units back, never above what the limit allows. */
  refund(name: LimitName<C> | readonly LimitName<C>[], options?: ConsumeOptions): Promise<void>
  /**
   * Takes units for work whose cost is known later, and what may run at once: `commit(actual)` settles it, `release()`
   * gives all back. Held as long as this process lives; what is in `await using` is given back at the end of the block
   * unless it was committed.
   */
  reserve(name: LimitName<C> | readonly LimitName<C>[], options?: ConsumeOptions): Promise<LimitHold>
  /** Takes what may run at once, and units: at the end the former is free again, and the latter are used. */
  hold(name: LimitName<C> | readonly LimitName<C>[], options?: ConsumeOptions): Promise<LimitHold>
}

/** The same, for code that holds a scope already: guards. */
export interface LimitsEngine extends Limits<Catalog> {
  /** What the app is given of it. */
  readonly face: Limits<Catalog>
  /** Takes for a guarded call; what is held, or can be given back, is in the answer. */
  enterIn(scope: LimitsScope, name: string | readonly string[], cost: number): MaybePromise<EnteredLimit>
  /** Whether this process decides by itself because the limits store does not answer. */
  readonly degraded: boolean
  /**
   * Gets the store ready; one that can not be reached is degraded, and no reason not to start.
   *
   * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED`
   */
  open(migrate: 'auto' | 'check'): Promise<void>
  /** Gives back what this process has taken in advance. */
  close(): Promise<void>
}

export interface EnteredLimit {
  readonly result: LimitResult
  /** Whether something is held until the call ends. */
  readonly holds: boolean
  /** The call has ended. */
  end(): MaybePromise<void>
  /** The call did not happen. */
  giveBack(): MaybePromise<void>
}

export interface LimitsOptions {
  /** The open tenant context; throws `TENANT_REQUIRED` outside of one. */
  scope(): LimitsScope
  readonly store: LimitsStore
  /** Decides while the store does not answer; a store in memory. */
  readonly fallback: LimitsStore
  /** ms since the epoch. */
  now(): number
  /** An id that no other process makes. */
  newId(): string
  /** What a flag serves in this context. */
  flag(scope: LimitsScope, key: string): Json | undefined
  /** `observe` lets everything pass and records what it would have refused. */
  readonly mode: 'enforce' | 'observe'
  /** ms after which a store counts as not answering; 50 unless said. */
  readonly timeoutMs?: number
  /** The part of each limit this process allows by itself while the store is down; 1 (all of it) unless said. */
  readonly share?: number
  readonly shedding?: LoadSheddingOptions | undefined
  /** Told of each failure of the store. */
  onDegraded?(error: unknown): void
}

const TIMEOUT_MS = 50

/** Makes the limits engine. What passes is counted on the context's record; what is refused stands on it. */
export function createLimits(options: LimitsOptions): LimitsEngine {
  return new LimitsOfTenants(options)
}

type Names = string | readonly string[]

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
      share: options.share ?? 1,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
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
    const scope = this.#options.scope()
    const now = this.#now()
    const limits = limitsIn(scope, names, now)
    refuseHolding(limits)
    return this.#decide(scope, limits, { units: costOf(options), mode: 'partial' }, now)
  }

  peek(names: Names, options?: ConsumeOptions): MaybePromise<LimitResult> {
    const scope = this.#options.scope()
    const now = this.#now()
    const asked = this.#asked(scope, limitsIn(scope, names, now), now)
    const decided = this.#decider.decide(scope.tenant.id, asked, { units: costOf(options), mode: 'peek' }, now)
    return next(decided, ({ policies, verdict }) => limitResult(policies, verdict))
  }

  async refund(names: Names, options?: ConsumeOptions): Promise<void> {
    const scope = this.#options.scope()
    const now = this.#now()
    const asked = counted(this.#asked(scope, limitsIn(scope, names, now), now))
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
      return this.#hold(scope, names, cost, 'commit').then((hold) => ({
        result: hold.result,
        holds: true,
        end: () => hold.commit(),
        giveBack: () => hold.release(),
      }))
    }
    const terms = { units: cost, mode: 'take' } as const
    const only = limits.length === 1 ? limits[0] : undefined
    const decided = only ? this.#takeOne(scope, only, cost, now) : this.#decide(scope, limits, terms, now)
    return next(decided, (result) => ({
      result,
      holds: false,
      end: nothing,
      giveBack: () => {
        if (result.granted === 0) return undefined
        const later = this.#now()
        return this.#decider.giveBack(scope.tenant.id, this.#asked(scope, limits, later), terms, later)
      },
    }))
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
    const ready = limit.request ? (limit as ActorRequest) : limit.ofActors?.of(scope.actor)
    if (!ready || this.#shedder) return this.#decide(scope, [limit], { units, mode: 'take' }, now)
    const request = units === 1 ? ready.request : { ...ready.request, units }
    const verdict = this.#gate.decide(request, ready.policies, now)
    return verdict instanceof Promise
      ? verdict.then((given) => this.#notedOne(scope, limit, ready.policies, given, now))
      : this.#notedOne(scope, limit, ready.policies, verdict, now)
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
    const shed = this.#shedder?.refuses(scope.tenant, priorityOf(limits), now)
    if (shed) return this.#notes.shed(scope, limits, shed)
    const asked = this.#asked(scope, limits, now)
    if (asked.shadow.length === 0) {
      const decided = this.#decider.decide(scope.tenant.id, asked, terms, now)
      return decided instanceof Promise
        ? decided.then((given) => this.#noted(scope, limits, given, now))
        : this.#noted(scope, limits, decided, now)
    }
    return this.#decideWithShadow(scope, limits, asked, terms, now)
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
  ): Promise<LimitResult> {
    const tenant = scope.tenant.id
    const enforced = asked.together.length + asked.shared.length > 0
    const decided = enforced ? await this.#decider.decide(tenant, asked, terms, now) : undefined
    const result = decided && this.#noted(scope, limits, decided, now)
    if (result && result.granted === 0) return result
    let first: Decided | undefined
    for (const resolved of asked.shadow) {
      const shadow = await this.#decider.alone(tenant, resolved, terms, now)
      this.#notes.shadowed(scope, resolved.name, limitResult(shadow.policies, shadow.verdict))
      first ??= shadow
    }
    return result ?? this.#noted(scope, limits, letPass(first as Decided, terms.units), now)
  }

  async #hold(scope: LimitsScope, names: Names, units: number, atEnd: 'commit' | 'release'): Promise<LimitHold> {
    const tenant = scope.tenant.id
    const start = this.#now()
    const limits = limitsIn(scope, names, start)
    const terms = { units, mode: 'take', lease: this.#options.newId() } as const
    const result = await this.#decide(scope, limits, terms, start)
    const asked = this.#asked(scope, limits, start)
    const rest = counted(asked)
    const held = { together: asked.together.filter(isConcurrency), shared: [], shadow: [] }
    const ttls = held.together.map(({ policy }) => (policy.kind === 'concurrency' ? policy.ttlMs : 0))
    return new HeldLimit({
      result,
      units,
      ttlMs: ttls.length > 0 ? Math.min(...ttls) : undefined,
      atEnd,
      renew: () => this.#decider.renew(tenant, held, terms, this.#now()),
      settle: async (actual) => {
        const now = this.#now()
        if (held.together.length > 0) await this.#decider.giveBack(tenant, held, terms, now)
        if (actual < units) await this.#decider.giveBack(tenant, rest, { units: units - actual, mode: 'take' }, now)
        if (actual > units) await this.#decider.decide(tenant, rest, { units: actual - units, mode: 'force' }, now)
      },
    })
  }

  #asked(scope: LimitsScope, limits: readonly ResolvedLimit[], now: number): Asked {
    const { actor } = scope
    return askedOf(limits, {
      actor,
      route: () => scope.route,
      flag: (key) => this.#options.flag(scope, key),
      fairShares: this.#fairShares,
      now,
    })
  }
}

function nothing(): undefined {
  return undefined
}

function isConcurrency({ policy }: ResolvedPolicy): boolean {
  return policy.kind === 'concurrency'
}

function refuseHolding(limits: readonly ResolvedLimit[]): void {
  const held = limits.find(({ isHeld }) => isHeld)
  if (held) throw notHeld(held)
}

function notHeld({ name }: ResolvedLimit): ThroughlineError {
  return new ThroughlineError('LIMIT_NOT_HELD', {
    message: `The limit "${name}" says how many calls may run at once: it is held, not consumed.`,
  })
}

/** Without what is held. */
function counted(asked: Asked): Asked {
  return { ...asked, together: asked.together.filter((resolved) => !isConcurrency(resolved)) }
}

function letPass({ policies, verdict }: Decided, units: number): Decided {
  return { policies, verdict: { ...verdict, granted: units } }
}

function limitsIn(scope: LimitsScope, names: Names, now: number): readonly ResolvedLimit[] {
  if (typeof names === 'string') return [limitIn(scope, names, now)]
  if (!Array.isArray(names) || names.length === 0) {
    throw new ThroughlineError('LIMIT_UNKNOWN', { message: 'There is no name of a limit.' })
  }
  return [...new Set(names as readonly string[])].map((name) => limitIn(scope, name, now))
}

function limitIn(scope: LimitsScope, name: string, now: number): ResolvedLimit {
  const limits = scope.snapshot.limits
  const limit = limits.get(name)
  if (limit === undefined) {
    const asked = String(name).slice(0, 100)
    throw new ThroughlineError('LIMIT_UNKNOWN', {
      message: `No limit has the name "${asked}".${didYouMean(asked, [...limits.keys()])}`,
    })
  }
  return limit.next !== undefined && limit.until !== undefined && now >= limit.until ? limit.next : limit
}

function costOf(options: ConsumeOptions | undefined): number {
  const cost = options?.cost
  if (cost === undefined) return 1
  if (Number.isSafeInteger(cost) && cost >= 1) return cost
  throw new ThroughlineError('LIMIT_COST_INVALID', { message: `The cost ${String(cost)} is not valid.` })
}
