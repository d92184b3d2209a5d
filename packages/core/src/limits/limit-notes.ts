import type { EventTemplate } from '../event.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { LimitResult, PolicyResult } from './limit-result.ts'
import type { ResolvedLimit } from './limits-view.ts'
import type { Shed } from './load-shedder.ts'
import type { ResolvedPolicy } from './resolved-policy.ts'

/** Where limits leave what they decided: an open tenant context. */
export interface NotedScope {
  readonly tenant: { readonly id: string }
  fold(template: EventTemplate, count?: number): void
  note(event: JournalEvent): void
}

/** A tenant is told that a limit is degraded once in this many ms. */
const DEGRADED_EVERY_MS = 60_000
/** What is remembered to have been told, of each kind; beyond it all of it is told anew. */
const MAX_NOTED = 10_000

/** Puts on record what limits decide: what passes is counted, refusals, degradations and near misses stand by themselves. */
export class LimitNotes {
  readonly #store: string
  readonly #observes: boolean
  /** When a tenant's limit was last noted to be degraded. */
  readonly #degraded = new Map<string, number>()
  readonly #near = new Map<string, number>()

  constructor(options: { readonly store: string; readonly observes: boolean }) {
    this.#store = options.store
    this.#observes = options.observes
  }

  /** Notes how limits decided; answers what the caller is told: where they are only observed, nothing refuses. */
  decided(
    scope: NotedScope,
    limits: readonly ResolvedLimit[],
    policies: readonly ResolvedPolicy[],
    result: LimitResult,
    now: number,
  ): LimitResult {
    if (result.degraded) for (const { name } of limits) this.#noteDegraded(scope, name, result.degraded, now)
    if (result.allowed) {
      for (const it of limits) scope.fold(result.degraded ? it.passedDegraded[result.degraded] : it.passed)
      for (let i = 0; i < policies.length; i++) {
        const resolved = policies[i] as ResolvedPolicy
        if (resolved.policy.nearAt !== undefined)
          this.#noteNear(scope, resolved, result.policies[i] as PolicyResult, now)
      }
      return result
    }
    const observed = this.#observes
    for (const { name } of limits) scope.note(refusal(name, result, observed ? { observed } : {}))
    return observed ? { ...result, allowed: true, retryAfter: 0, observed: true } : result
  }

  /** Notes what a policy that refuses nobody would have refused. */
  shadowed(scope: NotedScope, limit: string, result: LimitResult): void {
    if (!result.allowed) scope.note(refusal(limit, result, { observed: true, shadow: true }))
  }

  /** Notes a call that was shed; answers what the caller is told. */
  shed(scope: NotedScope, limits: readonly ResolvedLimit[], { delayMs, priority, retryAfter }: Shed): LimitResult {
    const observed = this.#observes
    scope.note({
      action: 'load.shed',
      outcome: 'refused',
      notable: true,
      targets: limits.map(({ name }) => ({ type: 'limit', id: name })),
      metadata: { priority, delayMs: Math.round(delayMs), ...(observed && { observed }) },
    })
    const result: LimitResult = {
      allowed: false,
      outcome: 'refused',
      granted: 0,
      remaining: 0,
      retryAfter,
      limit: 0,
      resetAfter: retryAfter,
      policies: [],
      refusedBy: [],
      shed: true,
    }
    return observed ? { ...result, allowed: true, retryAfter: 0, observed: true } : result
  }

  #noteDegraded(scope: NotedScope, name: string, decidedBy: string, now: number): void {
    const key = `${scope.tenant.id}\u0000${name}`
    const last = this.#degraded.get(key)
    if (last !== undefined && now - last < DEGRADED_EVERY_MS) return
    if (this.#degraded.size >= MAX_NOTED) this.#degraded.clear()
    this.#degraded.set(key, now)
    scope.note({
      action: 'limit.degraded',
      outcome: 'failure',
      notable: true,
      targets: [{ type: 'limit', id: name }],
      metadata: { store: this.#store, decidedBy },
    })
  }

  #noteNear(scope: NotedScope, { policy, name, operation }: ResolvedPolicy, result: PolicyResult, now: number): void {
    const most = policy.kind === 'rate' ? policy.burst : policy.limit
    const used = 1 - result.remaining / most
    if (used < (policy.nearAt as number)) return
    const until = this.#near.get(operation.key)
    if (until !== undefined && now < until) return
    if (this.#near.size >= MAX_NOTED) this.#near.clear()
    this.#near.set(operation.key, now + ('windowMs' in policy ? policy.windowMs : policy.ttlMs))
    scope.note({
      action: 'limit.near',
      notable: true,
      targets: [{ type: 'limit', id: name }],
      metadata: { limit: policy.limit, remaining: result.remaining, nearAt: policy.nearAt as number },
    })
  }
}

function refusal(
  name: string,
  result: LimitResult,
  marks: { readonly observed?: true; readonly shadow?: true },
): JournalEvent {
  const refusing = result.policies.find(({ allowed }) => !allowed) ?? result.policies[0]
  return {
    action: 'limit.refused',
    outcome: 'refused',
    notable: true,
    targets: [{ type: 'limit', id: name }],
    metadata: {
      limit: result.limit,
      ...(refusing?.windowMs !== undefined && { windowMs: refusing.windowMs }),
      ...(Number.isFinite(result.retryAfter) && { retryAfter: result.retryAfter }),
      ...(result.refusedBy.length > 0 &&
        !(result.refusedBy.length === 1 && result.refusedBy[0] === name) && {
          refusedBy: result.refusedBy,
        }),
      ...(result.degraded && { degraded: result.degraded }),
      ...marks,
    },
  }
}
