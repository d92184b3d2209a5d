import type { Catalog } from '../catalog/definitions.ts'
import type { LimitName } from '../catalog/keys.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { LimitsStore } from '../storage/limits.ts'
import type { Actor, Json } from '../vocabulary.ts'
import type { EnteredLimit } from './entered-limit.ts'
import type { LimitHold } from './limit-hold.ts'
import type { NotedScope } from './limit-notes.ts'
import type { LimitResult } from './limit-result.ts'
import type { LimitsView } from './limits-view.ts'
import type { LoadSheddingOptions } from './load-shedder.ts'

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
  readonly cost?: number | undefined
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

export interface LimitsHealth {
  /** `degraded`: the store did not answer the last call, so that this process decides by itself until one is answered. */
  readonly status: 'ok' | 'degraded'
  readonly store: string
}

/** The same, for code that holds a scope already: guards. */
export interface LimitsEngine extends Limits<Catalog> {
  /** What the app is given of it. */
  readonly face: Limits<Catalog>
  /** Takes for a guarded call; what is held, or can be given back, is in the answer. */
  enterIn(scope: LimitsScope, name: string | readonly string[], cost: number): MaybePromise<EnteredLimit>
  readonly health: LimitsHealth
  /**
   * Gets the store ready; one that can not be reached is degraded, and no reason not to start.
   *
   * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED`
   */
  open(migrate: 'auto' | 'check'): Promise<void>
  /** Gives back what this process has taken in advance. */
  close(): Promise<void>
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
  /** ms after which a store counts as not answering. */
  readonly timeoutMs: number
  /** The part of each limit this process allows by itself while the store is down; 1: all of it. */
  readonly share: number
  readonly shedding?: LoadSheddingOptions | undefined
  /** Told of each failure of the store. */
  onDegraded?(error: unknown): void
}
