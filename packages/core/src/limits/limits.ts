import type { Catalog } from '../catalog/definitions.ts'
import type { LimitName } from '../catalog/keys.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { EventTemplate } from '../event.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { LimitOperation, LimitsStore, MaybePromise } from '../storage/limits.ts'
import { type LimitResult, limitResult } from './limit-result.ts'
import type { LimitsView, ResolvedLimit } from './limits-view.ts'
import { type StoreAnswer, StoreWithFallback } from './store-with-fallback.ts'

/** What limits read of an open tenant context. */
export interface LimitsScope {
  readonly snapshot: { readonly limits: LimitsView }
  fold(template: EventTemplate, count?: number): void
  note(event: JournalEvent): void
}

export interface ConsumeOptions {
  /** Units this takes, a whole number above 0; 1 unless said. */
  readonly cost?: number
}

/** Limits of the current tenant. */
export interface Limits<C extends Catalog = RegisteredCatalog> {
  /**
   * Takes from a limit and says whether that was allowed: nothing is taken when it was not. Answers at once when the
   * limits store is in memory; `await` does for both.
   *
   * @throws ThroughlineError `LIMIT_UNKNOWN`, `LIMIT_COST_INVALID`; `TENANT_REQUIRED` outside a tenant context
   */
  consume(name: LimitName<C>, options?: ConsumeOptions): MaybePromise<LimitResult>
}

/** The same, for code that holds a scope already: guards. */
export interface LimitsEngine<C extends Catalog = RegisteredCatalog> extends Limits<C> {
  consumeIn(scope: LimitsScope, name: string, options?: ConsumeOptions): MaybePromise<LimitResult>
  /** Gives back what was taken for a call that then did not happen. */
  refundIn(scope: LimitsScope, name: string, options?: ConsumeOptions): Promise<void>
  /** Whether this process decides by itself because the limits store does not answer. */
  readonly degraded: boolean
}

export interface LimitsOptions {
  /** The open tenant context; throws `TENANT_REQUIRED` outside of one. */
  scope(): LimitsScope
  readonly store: LimitsStore
  /** Decides while the store does not answer; a store in memory. */
  readonly fallback: LimitsStore
  /** ms since the epoch. */
  now(): number
  /** `observe` lets everything pass and records what it would have refused. */
  readonly mode: 'enforce' | 'observe'
  /** ms after which a store counts as not answering; 50 unless said. */
  readonly timeoutMs?: number
  /** The part of each limit this process allows by itself while the store is down; 1 (all of it) unless said. */
  readonly share?: number
  /** Told of each failure of the store. */
  onDegraded?(error: unknown): void
}

const DEGRADED_NOTE_MS = 60_000
const TIMEOUT_MS = 50

/** Makes the limits engine. What passes is counted on the context's record; what is refused stands on it. */
export function createLimits<C extends Catalog = RegisteredCatalog>(options: LimitsOptions): LimitsEngine<C> {
  return new GcraLimits(options)
}

class GcraLimits implements LimitsEngine<Catalog> {
  readonly #options: LimitsOptions
  readonly #store: StoreWithFallback
  /** When a limit was last noted to be degraded, by name: as many as the catalog has. */
  readonly #noted = new Map<string, number>()

  constructor(options: LimitsOptions) {
    this.#options = options
    this.#store = new StoreWithFallback({
      store: options.store,
      fallback: options.fallback,
      share: options.share ?? 1,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      onFailure: (error) => options.onDegraded?.(error),
    })
  }

  get degraded(): boolean {
    return this.#store.down
  }

  consume(name: string, options?: ConsumeOptions): MaybePromise<LimitResult> {
    return this.consumeIn(this.#options.scope(), name, options)
  }

  consumeIn(scope: LimitsScope, name: string, options?: ConsumeOptions): MaybePromise<LimitResult> {
    const now = this.#options.now()
    const limit = limitIn(scope, name, now)
    const answer = this.#store.consume(operation(limit, options?.cost), now)
    if (answer instanceof Promise) return answer.then((found) => this.#decide(scope, limit, found, now))
    return this.#decide(scope, limit, answer, now)
  }

  refundIn(scope: LimitsScope, name: string, options?: ConsumeOptions): Promise<void> {
    const now = this.#options.now()
    return this.#store.refund(operation(limitIn(scope, name, now), options?.cost), now)
  }

  #decide(scope: LimitsScope, limit: ResolvedLimit, answer: StoreAnswer, now: number): LimitResult {
    if (answer.degraded) this.#noteDegraded(scope, limit.name, now)
    const result = limitResult(limit, answer.decision, answer.degraded ? { degraded: true } : undefined)
    if (result.allowed) {
      scope.fold(limit.passed)
      return result
    }
    const observed = this.#options.mode === 'observe'
    scope.note({
      action: 'limit.refused',
      outcome: 'refused',
      notable: true,
      targets: [{ type: 'limit', id: limit.name }],
      metadata: {
        limit: result.limit,
        windowMs: limit.limit.windowMs,
        ...(Number.isFinite(result.retryAfter) && { retryAfter: result.retryAfter }),
        ...(observed && { observed: true }),
      },
    })
    return observed ? { ...result, allowed: true, retryAfter: 0, observed: true } : result
  }

  #noteDegraded(scope: LimitsScope, name: string, now: number): void {
    const last = this.#noted.get(name)
    if (last !== undefined && now - last < DEGRADED_NOTE_MS) return
    this.#noted.set(name, now)
    scope.note({
      action: 'limit.degraded',
      outcome: 'failure',
      notable: true,
      targets: [{ type: 'limit', id: name }],
      metadata: { store: this.#options.store.name },
    })
  }
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

function operation(limit: ResolvedLimit, cost: number | undefined): readonly [LimitOperation] {
  if (cost === undefined || cost === 1) return limit.one
  if (!Number.isSafeInteger(cost) || cost < 1) {
    throw new ThroughlineError('LIMIT_COST_INVALID', { message: `The cost ${String(cost)} is not valid.` })
  }
  return [{ ...limit.one[0], cost }]
}
