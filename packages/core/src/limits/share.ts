import type { LimitDecision, LimitOperation } from '../storage/limits.ts'
import type { Verdict } from './limit-result.ts'
import type { ResolvedPolicy } from './resolved-policy.ts'

/** What this process has taken of one key, and not yet spent. */
export interface Share {
  readonly group: string
  readonly operation: LimitOperation
  units: number
  /** ms */
  endsAt: number
  /** How long units may be spent. */
  ms: number
  /** What the store said last. */
  decision: LimitDecision
  /** ms: until then the store has none. */
  emptyUntil: number
  filling: Promise<void> | undefined
}

/** Of what a policy allows at once, where it does not say. */
const DEFAULT_PART = 20
const FULL: LimitDecision = Object.freeze({ allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 0 })

/** @param ms how long units of it may be spent */
export function emptyShare(group: string, operation: LimitOperation, ms: number): Share {
  return { group, operation, units: 0, endsAt: 0, ms, decision: FULL, emptyUntil: 0, filling: undefined }
}

/** Spends of a share that suffices. */
export function spend(share: Share, need: number): LimitDecision {
  share.units -= need
  const { remaining, resetMs } = share.decision
  return { allowed: true, remaining: remaining + share.units, retryAfterMs: 0, resetMs }
}

/** Units that are taken in advance at once. */
export function shareUnits({ policy }: ResolvedPolicy, operation: LimitOperation): number {
  const said = 'lease' in policy ? policy.lease?.units : undefined
  if (said !== undefined) return said
  return Math.max(1, Math.floor(mostAtOnce(operation) / DEFAULT_PART))
}

/** What is said where neither the share nor the store has enough. */
export function refused({ decision, emptyUntil, operation }: Share, units: number, now: number): Verdict {
  const never = units * operation.cost > mostAtOnce(operation)
  const retryAfterMs = never ? Number.POSITIVE_INFINITY : Math.max(1, decision.retryAfterMs, emptyUntil - now)
  return { granted: 0, decisions: [{ ...decision, allowed: false, retryAfterMs }] }
}

/** Units that a call can be given at the most. */
export function mostAtOnce(operation: LimitOperation): number {
  return operation.kind === 'rate' ? operation.capacity / operation.weight : operation.limit
}
