import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { LimitPriority } from '../catalog/definitions.ts'
import type { ResolvedLimit } from './limits-view.ts'

export interface LoadSheddingOptions {
  /** ms that the event loop may be late before anything is shed. */
  readonly maxDelayMs: number
  /** What a tenant counts for against the others, above 0; 1 unless said. A tenant of weight 2 may do twice as much. */
  readonly weight?: (tenant: { readonly id: string; readonly plan?: string }) => number
  /** How late the event loop is now, in ms; measured unless given. */
  readonly delayMs?: () => number
}

/** A refusal for want of capacity. */
export interface Shed {
  readonly delayMs: number
  readonly priority: LimitPriority
  /** Whole seconds. */
  readonly retryAfter: number
}

/** How many times the delay must be over its maximum before calls of this priority are shed. */
const SHED_AT: Readonly<Record<LimitPriority, number>> = {
  low: 1,
  normal: 2,
  high: 4,
  critical: Number.POSITIVE_INFINITY,
}
type LoopDelay = ReturnType<typeof monitorEventLoopDelay>

const RESOLUTION_MS = 10
/** What tenants do is weighed over this time. */
const WINDOW_MS = 1_000
const MAX_TENANTS = 10_000
/** A tenant that does more than its part is shed earlier, one that does less later, by this factor at the most. */
const MOST_FACTOR = 4
const RETRY_AFTER = 1

/**
 * Refuses calls while the process is saturated: those of low priority first, and of tenants that do more than their part
 * before the others.
 */
export class LoadShedder {
  readonly #options: LoadSheddingOptions
  readonly #histogram: LoopDelay | undefined
  #calls = new Calls()
  #before = new Calls()
  #windowAt = 0
  #delayMs = 0
  #delayAt = Number.NEGATIVE_INFINITY

  constructor(options: LoadSheddingOptions) {
    this.#options = options
    if (options.delayMs) return
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    this.#histogram.enable()
  }

  /** The refusal of a call, if it is to be shed. */
  refuses(
    tenant: { readonly id: string; readonly plan?: string },
    priority: LimitPriority,
    now: number,
  ): Shed | undefined {
    this.#count(tenant.id, now)
    const delayMs = this.#delay(now)
    const pressure = delayMs / this.#options.maxDelayMs
    // Told so that no number that is none sheds anything.
    const sheds = pressure > 1 && priority !== 'critical' && pressure * this.#overPart(tenant) >= SHED_AT[priority]
    return sheds ? { delayMs, priority, retryAfter: RETRY_AFTER } : undefined
  }

  close(): void {
    this.#histogram?.disable()
  }

  #count(id: string, now: number): void {
    if (now - this.#windowAt >= WINDOW_MS) {
      this.#before = now - this.#windowAt < 2 * WINDOW_MS ? this.#calls : new Calls()
      this.#calls = new Calls()
      this.#windowAt = now
    }
    this.#calls.add(id)
  }

  /** How late the loop was in the last moment: the mean, so that one long turn alone sheds nothing. */
  #delay(now: number): number {
    if (this.#options.delayMs) return this.#options.delayMs()
    const histogram = this.#histogram as LoopDelay
    if (now - this.#delayAt >= RESOLUTION_MS * 10 && histogram.count > 0) {
      this.#delayMs = Math.max(0, histogram.mean / 1e6 - RESOLUTION_MS)
      this.#delayAt = now
      histogram.reset()
    }
    return this.#delayMs
  }

  /** What a tenant did, over its part of what all did: above 1 it does more. */
  #overPart(tenant: { readonly id: string; readonly plan?: string }): number {
    const all = this.#calls.all + this.#before.all
    const tenants = Math.max(this.#calls.tenants, this.#before.tenants)
    const own = this.#calls.of(tenant.id) + this.#before.of(tenant.id)
    const weight = this.#options.weight?.(tenant) ?? 1
    const over = (own * tenants) / (all * (weight > 0 ? weight : 1))
    return Math.min(MOST_FACTOR, Math.max(1 / MOST_FACTOR, over))
  }
}

/** Calls of one stretch of time, by tenant. */
class Calls {
  readonly #of = new Map<string, number>()
  all = 0

  get tenants(): number {
    return this.#of.size
  }

  of(tenant: string): number {
    return this.#of.get(tenant) ?? 0
  }

  add(tenant: string): void {
    this.all += 1
    const calls = this.#of.get(tenant)
    if (calls !== undefined || this.#of.size < MAX_TENANTS) this.#of.set(tenant, (calls ?? 0) + 1)
  }
}

/** A call is as important as the most important of its limits says. */
export function priorityOf(limits: readonly ResolvedLimit[]): LimitPriority {
  let priority: LimitPriority | undefined
  for (const { policies } of limits) {
    for (const { policy } of policies) {
      const said = policy.priority ?? 'normal'
      if (priority === undefined || SHED_AT[said] > SHED_AT[priority]) priority = said
    }
  }
  return priority ?? 'normal'
}
