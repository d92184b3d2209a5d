import type { Catalog } from '../catalog/definitions.ts'
import { ThroughlineError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { counted } from './asked.ts'
import { type EnteredLimit, HeldUntilEnd, TakenUnits } from './entered-limit.ts'
import { holdOf } from './hold-of.ts'
import { LimitDecider } from './limit-decider.ts'
import type { LimitHold } from './limit-hold.ts'
import { LimitNotes } from './limit-notes.ts'
import type { LimitResult } from './limit-result.ts'
import type { ConsumeOptions, Limits, LimitsEngine, LimitsHealth, LimitsOptions, LimitsScope } from './limits.ts'
import { LimitsGate } from './limits-gate.ts'
import { LoadShedder } from './load-shedder.ts'
import { costOf, limitIn, limitsIn, type Names, notHeld, refuseHolding } from './named-limits.ts'
import { ScopedLimits } from './scoped-limits.ts'

/** Makes the limits engine. What passes is counted on the context's record; what is refused stands on it. */
export function createLimits(options: LimitsOptions): LimitsEngine {
  return new LimitsOfTenants(options)
}

class LimitsOfTenants implements LimitsEngine {
  readonly face: Limits<Catalog>
  readonly #options: LimitsOptions
  readonly #gate: LimitsGate
  readonly #decider: LimitDecider
  readonly #shedder: LoadShedder | undefined
  readonly #scoped: ScopedLimits

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
    this.#shedder = options.shedding && new LoadShedder(options.shedding)
    this.#scoped = new ScopedLimits({
      gate: this.#gate,
      decider: this.#decider,
      notes: new LimitNotes({ store: options.store.name, observes: options.mode === 'observe' }),
      shedder: this.#shedder,
      flag: (scope, key) => options.flag(scope, key),
    })
    this.face = Object.freeze({
      consume: (names: Names, asked?: ConsumeOptions) => this.consume(names, asked),
      tryConsume: (names: Names, asked: ConsumeOptions & { readonly partial: true }) => this.tryConsume(names, asked),
      peek: (names: Names, asked?: ConsumeOptions) => this.peek(names, asked),
      refund: (names: Names, asked?: ConsumeOptions) => this.refund(names, asked),
      reserve: (names: Names, asked?: ConsumeOptions) => this.reserve(names, asked),
      hold: (names: Names, asked?: ConsumeOptions) => this.hold(names, asked),
    })
  }

  get health(): LimitsHealth {
    return { status: this.#gate.down ? 'degraded' : 'ok', store: this.#options.store.name }
  }

  consume(names: Names, options?: ConsumeOptions): MaybePromise<LimitResult> {
    const scope = this.#options.scope()
    const now = this.#now()
    if (typeof names === 'string') {
      const limit = limitIn(scope, names, now)
      if (limit.isHeld) throw notHeld(limit)
      return this.#scoped.takeOne(scope, limit, costOf(options), now)
    }
    const limits = limitsIn(scope, names, now)
    refuseHolding(limits)
    return this.#scoped.take(scope, limits, { units: costOf(options), mode: 'take' }, now)
  }

  tryConsume(names: Names, options: ConsumeOptions & { readonly partial: true }): MaybePromise<LimitResult> {
    if (options?.partial !== true) return this.consume(names, options)
    const scope = this.#options.scope()
    const now = this.#now()
    const limits = limitsIn(scope, names, now)
    refuseHolding(limits)
    return this.#scoped.take(scope, limits, { units: costOf(options), mode: 'partial' }, now)
  }

  peek(names: Names, options?: ConsumeOptions): MaybePromise<LimitResult> {
    const scope = this.#options.scope()
    const now = this.#now()
    return this.#scoped.look(scope, limitsIn(scope, names, now), costOf(options), now)
  }

  async refund(names: Names, options?: ConsumeOptions): Promise<void> {
    const scope = this.#options.scope()
    const now = this.#now()
    const asked = counted(this.#scoped.asked(scope, limitsIn(scope, names, now), now, 'looks'))
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
    const decided = only ? this.#scoped.takeOne(scope, only, cost, now) : this.#scoped.take(scope, limits, terms, now)
    const giveBack = ({ degraded }: LimitResult): Promise<void> => {
      const later = this.#now()
      return this.#decider.giveBack(scope.tenant.id, this.#scoped.asked(scope, limits, later), terms, later, degraded)
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

  async #hold(scope: LimitsScope, names: Names, units: number, atEnd: 'commit' | 'release'): Promise<LimitHold> {
    const now = this.#now()
    const terms = { units, mode: 'take', lease: this.#options.newId() } as const
    const { result, taken } = await this.#scoped.takeToHold(scope, limitsIn(scope, names, now), terms, now)
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
}
