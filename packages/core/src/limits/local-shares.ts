import type { WhenUnavailable } from '../catalog/definitions.ts'
import { type MaybePromise, next } from '../maybe-promise.ts'
import type { LimitAnswer, LimitDecision, LimitOperation, LimitRequest } from '../storage/limits.ts'
import type { Verdict } from './limit-result.ts'
import type { ResolvedPolicy } from './resolved-policy.ts'
import { emptyShare, mostAtOnce, refused, type Share, shareUnits, spend } from './share.ts'

export interface LocalSharesOptions {
  /** The limits store. */
  decide(request: LimitRequest, policies: readonly ResolvedPolicy[], now: number): MaybePromise<Verdict>
  /** @param degraded how it was decided, if the store did not answer */
  refund(request: LimitRequest, now: number, degraded?: WhenUnavailable): MaybePromise<void>
  /** Whether the store does not answer now: there is nothing to take in advance. */
  isDown(): boolean
  /** ms since the epoch. */
  now(): number
}

/** Keys that shares are held of at the most; beyond it the oldest one's units are lost to everybody until they come back. */
const MAX_SHARES = 10_000
const DEFAULT_MS = 250
/** A decision refills no more often. */
const ATTEMPTS = 4

/**
 * Decides by units that this process took from the store in advance, so that most decisions cost no round trip. In any
 * time t all processes let pass at most what the policy allows in t, and `limit * ms / windowMs` (what came back while
 * shares were held), and one share for each process (what was given back of them).
 */
export class LocalShares {
  readonly #options: LocalSharesOptions
  readonly #shares = new Map<string, Share>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: LocalSharesOptions) {
    this.#options = options
  }

  /** Decides one policy. */
  take(
    group: string,
    resolved: ResolvedPolicy,
    operation: LimitOperation,
    units: number,
    now: number,
  ): MaybePromise<Verdict> {
    const share = this.#share(group, resolved, operation, now)
    const need = units * operation.cost
    if (share.units >= need) return { granted: units, decisions: [spend(share, need)] }
    if (share.emptyUntil > now || need > mostAtOnce(operation)) return refused(share, units, now)
    if (this.#options.isDown()) {
      return this.#options.decide({ group, operations: [operation], units, mode: 'take' }, [resolved], now)
    }
    return this.#fillThenTake(share, resolved, operation, units, 1)
  }

  /** Fills a share that does not suffice, while another one is waited for. */
  prepare(group: string, resolved: ResolvedPolicy, units: number, now: number): void {
    const { operation } = resolved
    const share = this.#share(group, resolved, operation, now)
    const need = units * operation.cost
    const lacks = share.units < need && share.emptyUntil <= now && need <= mostAtOnce(operation)
    if (lacks && !share.filling && !this.#options.isDown()) this.#fill(share, resolved, operation, need, 0)
  }

  /** Spends on all of them, if the shares that are held suffice; else nothing, and answers `undefined`. */
  spend(policies: readonly ResolvedPolicy[], units: number, now: number): Verdict | undefined {
    const shares = new Array<Share>(policies.length)
    for (let i = 0; i < policies.length; i++) {
      const { operation } = policies[i] as ResolvedPolicy
      const share = this.#shares.get(operation.key)
      if (!share || share.units < units * operation.cost || share.endsAt <= now) return undefined
      shares[i] = share
    }
    const decisions = new Array<LimitDecision>(policies.length)
    for (let i = 0; i < policies.length; i++) {
      decisions[i] = spend(shares[i] as Share, units * (policies[i] as ResolvedPolicy).operation.cost)
    }
    return { granted: units, decisions }
  }

  /** Gives back what was taken: to the share, as much as one has; beyond it to the store, which knows what was used. */
  giveBack(group: string, resolved: ResolvedPolicy, units: number, now: number): MaybePromise<void> {
    const { operation } = resolved
    const all = units * operation.cost
    const share = this.#shares.get(operation.key)
    const room = share && share.endsAt > now ? shareUnits(resolved, operation) - share.units : 0
    const kept = Math.min(all, Math.max(0, room))
    if (share) share.units += kept
    return kept < all ? this.#refund(group, operation, all - kept, now) : undefined
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    const now = this.#options.now()
    const shares = [...this.#shares.values()]
    this.#shares.clear()
    await Promise.all(shares.map((share) => this.#return(share, now)))
  }

  #share(group: string, { policy }: ResolvedPolicy, operation: LimitOperation, now: number): Share {
    const ms = ('lease' in policy && policy.lease?.ms) || DEFAULT_MS
    let share = this.#shares.get(operation.key)
    if (!share) {
      if (this.#shares.size >= MAX_SHARES) this.#shares.delete(this.#shares.keys().next().value as string)
      share = emptyShare(group, operation, ms)
      this.#shares.set(operation.key, share)
    } else if (share.units > 0 && share.endsAt <= now) this.#end(share, now)
    return share
  }

  #fillThenTake(
    share: Share,
    resolved: ResolvedPolicy,
    operation: LimitOperation,
    units: number,
    attempt: number,
  ): MaybePromise<Verdict> {
    const need = units * operation.cost
    const goOn = (verdict: Verdict | undefined): MaybePromise<Verdict> => {
      // The store has just failed: the policy's own choice has decided.
      if (verdict) {
        const granted = verdict.granted >= need ? units : 0
        return { ...verdict, granted }
      }
      const now = this.#options.now()
      if (share.units >= need) return { granted: units, decisions: [spend(share, need)] }
      if (share.emptyUntil > now || attempt >= ATTEMPTS) return refused(share, units, now)
      return this.#fillThenTake(share, resolved, operation, units, attempt + 1)
    }
    if (share.filling) return share.filling.then(() => goOn(undefined))
    return next(this.#fill(share, resolved, operation, need, need), goOn)
  }

  /** @param spent what of it is spent at once where the store does not answer: nothing is held of what stands in for it */
  #fill(
    share: Share,
    resolved: ResolvedPolicy,
    operation: LimitOperation,
    need: number,
    spent: number,
  ): MaybePromise<Verdict | undefined> {
    const now = this.#options.now()
    const request: LimitRequest = {
      group: share.group,
      operations: [{ ...operation, cost: 1 }],
      units: Math.max(need - share.units, shareUnits(resolved, operation)),
      mode: 'partial',
    }
    const settle = (verdict: Verdict): Verdict | undefined => {
      const { degraded, granted } = verdict
      if (degraded) {
        const unspent = granted >= spent ? granted - spent : granted
        if (unspent > 0) void this.#refund(share.group, operation, unspent, now, degraded)
        return verdict
      }
      this.#filled(share, verdict, need, now)
      return undefined
    }
    const verdict = this.#options.decide(request, [resolved], now)
    if (!(verdict instanceof Promise)) return settle(verdict)
    const filled = verdict.then(settle)
    const done = (): void => {
      share.filling = undefined
    }
    share.filling = filled.then(done, done)
    return filled
  }

  #filled(share: Share, { granted, decisions }: LimitAnswer, need: number, now: number): void {
    if (granted > 0) {
      // What is left of an earlier share keeps its end.
      if (share.units === 0) share.endsAt = now + share.ms
      share.units += granted
      this.#schedule(share.endsAt - now)
    }
    share.decision = decisions[0] as LimitDecision
    if (share.units < need) {
      share.emptyUntil = now + Math.max(1, Math.min(share.decision.retryAfterMs || 1, share.ms))
    }
  }

  #schedule(inMs: number): void {
    if (this.#timer) return
    this.#timer = setTimeout(() => this.#sweep(), Math.max(1, inMs)).unref()
  }

  #sweep(): void {
    this.#timer = undefined
    const now = this.#options.now()
    let next = Number.POSITIVE_INFINITY
    for (const [key, share] of this.#shares) {
      if (share.units > 0 && share.endsAt > now) next = Math.min(next, share.endsAt - now)
      else {
        this.#end(share, now)
        if (!share.filling && share.emptyUntil <= now) this.#shares.delete(key)
      }
    }
    if (next !== Number.POSITIVE_INFINITY) this.#schedule(next)
  }

  #end(share: Share, now: number): void {
    if (share.units === 0) return
    // Late, it would be given back a second time: time has done so.
    if (now - share.endsAt <= share.ms) void this.#return(share, now)
    share.units = 0
  }

  async #return({ group, operation, units }: Share, now: number): Promise<void> {
    if (units > 0) await this.#refund(group, operation, units, now)
  }

  #refund(
    group: string,
    operation: LimitOperation,
    units: number,
    now: number,
    degraded?: WhenUnavailable,
  ): MaybePromise<void> {
    const request: LimitRequest = { group, operations: [{ ...operation, cost: 1 }], units, mode: 'take' }
    return this.#options.refund(request, now, degraded)
  }
}
