import type { LimitBy, LimitPolicy, WhenUnavailable } from '../catalog/definitions.ts'
import type { LimitAnswer, LimitDecision } from '../storage/limits.ts'
import type { ResolvedPolicy } from './resolved-policy.ts'

/** How one policy decided. */
export interface PolicyResult {
  readonly name: string
  readonly kind: LimitPolicy['kind']
  readonly by: LimitBy
  /** Units per window, or at once. */
  readonly limit: number
  /** Absent for concurrency. */
  readonly windowMs?: number
  /** Units at the most at once; of a rate. */
  readonly burst?: number
  /** Whether it had room. */
  readonly allowed: boolean
  /** Whole units left. */
  readonly remaining: number
  /** Whole seconds, at least 1 when refused; 0 when allowed; `Infinity` when it never has room for so much. */
  readonly retryAfter: number
  /** Whole seconds until all of it is there again. */
  readonly resetAfter: number
  /** It refuses nobody: clients are not told of it. */
  readonly shadow?: true
}

/** How a limit decided. */
export interface LimitResult {
  readonly allowed: boolean
  /** `degraded`: the limits store did not answer; `degraded` says how it was decided. */
  readonly outcome: 'allowed' | 'refused' | 'degraded'
  /** Units taken; 0 when refused. */
  readonly granted: number
  /** Whole units left, of the policy that decides: the one that refused, or that has the fewest left. */
  readonly remaining: number
  /** Whole seconds, at least 1 when refused; 0 when allowed; `Infinity` when it never has room for so much. */
  readonly retryAfter: number
  /** Units per window (or at once) of the policy that decides. */
  readonly limit: number
  /** Whole seconds until all of it is there again. */
  readonly resetAfter: number
  readonly policies: readonly PolicyResult[]
  /** Names of the policies that had no room. */
  readonly refusedBy: readonly string[]
  /** It would have been refused, but the limit is only observed. */
  readonly observed?: true
  /** Refused because the process is saturated, whatever the limit has left. */
  readonly shed?: true
  /** The limits store did not answer: as the policy chose, by this process's share, or all open, or all closed. */
  readonly degraded?: WhenUnavailable
}

/** What the store answered, or, where it did not, what was decided in its place. */
export interface Verdict extends LimitAnswer {
  readonly degraded?: WhenUnavailable
}

const NONE: readonly string[] = Object.freeze([])

/** A store's answer in whole seconds. */
export function limitResult(policies: readonly ResolvedPolicy[], verdict: Verdict): LimitResult {
  const { decisions } = verdict
  const first = policyResult(policies[0] as ResolvedPolicy, decisions[0] as LimitDecision)
  if (policies.length === 1) return resultOf(verdict, first, [first])
  // Of the length that it has in the end: a list that grows is larger, and copied.
  const results = new Array<PolicyResult>(policies.length)
  results[0] = first
  let deciding = first
  for (let i = 1; i < policies.length; i++) {
    const result = policyResult(policies[i] as ResolvedPolicy, decisions[i] as LimitDecision)
    results[i] = result
    if (decidesBefore(result, deciding, verdict.granted > 0)) deciding = result
  }
  return resultOf(verdict, deciding, results)
}

function resultOf({ granted, degraded }: Verdict, deciding: PolicyResult, policies: PolicyResult[]): LimitResult {
  const { remaining, limit, resetAfter } = deciding
  const allowed = granted > 0
  const result: LimitResult = {
    allowed,
    outcome: degraded ? 'degraded' : allowed ? 'allowed' : 'refused',
    granted,
    remaining,
    retryAfter: allowed ? 0 : deciding.retryAfter,
    limit,
    resetAfter,
    policies,
    refusedBy: allowed ? NONE : policies.filter((it) => !it.allowed).map(({ name }) => name),
  }
  return degraded ? { ...result, degraded } : result
}

function policyResult(resolved: ResolvedPolicy, decision: LimitDecision): PolicyResult {
  const result = plainResult(resolved, decision)
  return resolved.policy.shadow ? { ...result, shadow: true } : result
}

function plainResult({ name, policy, by }: ResolvedPolicy, decision: LimitDecision): PolicyResult {
  const { allowed, remaining } = decision
  const { kind, limit } = policy
  const retryAfter = allowed ? 0 : Math.max(1, Math.ceil(decision.retryAfterMs / 1_000))
  const resetAfter = Math.ceil(decision.resetMs / 1_000)
  switch (kind) {
    case 'rate': {
      const { windowMs, burst } = policy
      return { name, kind, by, limit, windowMs, burst, allowed, remaining, retryAfter, resetAfter }
    }
    case 'window':
      return { name, kind, by, limit, windowMs: policy.windowMs, allowed, remaining, retryAfter, resetAfter }
    case 'concurrency':
      return { name, kind, by, limit, allowed, remaining, retryAfter, resetAfter }
  }
}

/** The policy that refuses for the longest, or, where none refuses, the one with the fewest units left. */
function decidesBefore(a: PolicyResult, b: PolicyResult, allowed: boolean): boolean {
  if (!allowed && a.allowed !== b.allowed) return !a.allowed
  return allowed || a.allowed ? a.remaining < b.remaining : a.retryAfter > b.retryAfter
}
