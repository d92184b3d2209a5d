import type { Quota } from '../catalog/definitions.ts'
import { ThroughlineError } from '../errors.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { MaybePromise } from '../storage/limits.ts'
import type { CommitResult, QuotaMove } from '../storage/records.ts'
import type { Period } from './period.ts'
import type { CommitQuota, UsageScope } from './usage-scope.ts'

export interface QuotaCounterOptions {
  readonly commit: CommitQuota
  /** Projects everything that was acknowledged; `behind` when there was no time for all of it. */
  drain(): Promise<{ readonly behind: boolean }>
  /** ms since the epoch. */
  now(): number
  readonly mode: 'enforce' | 'observe'
}

/** Units taken from a hard quota, or a refusal that is only observed. */
export interface Taken {
  readonly period: Period
  readonly counted: boolean
  /** ms: when the latest of the tenant's periods had begun. */
  readonly periodFrom: number | undefined
}

/** The event a move of the counter leaves, of the period and at the time (ms) it moved in. */
export type QuotaEvent = (period: Period, at: number) => Omit<JournalEvent, 'notable'>

/** A context older than this looks again before a quota is taken: its plan, and so its quota, may be another one. */
const CHECKPOINT_MS = 2_000

/** Hard quotas: one counter per tenant, meter and period, in the records database. */
export class QuotaCounter {
  readonly #options: QuotaCounterOptions

  constructor(options: QuotaCounterOptions) {
    this.#options = options
  }

  /**
   * A tenant's hard quota of a meter, at most 2 s old; `undefined` if it has none. Waits for nothing where it is.
   *
   * @throws ThroughlineError `QUOTA_UNAVAILABLE`; `TENANT_SUSPENDED` and such for a context that may not go on
   */
  quotaOf(scope: UsageScope, meter: string): MaybePromise<Quota | undefined> {
    const quota = hardQuota(scope, meter)
    const isOld = scope.owner.now() - scope.seenAt > CHECKPOINT_MS
    return quota && isOld ? this.#lookAgain(scope, meter) : quota
  }

  /**
   * Takes units, in one transaction with the event.
   *
   * @throws ThroughlineError `QUOTA_EXCEEDED`, `QUOTA_UNAVAILABLE`
   */
  async take(scope: UsageScope, meter: string, quota: Quota, quantity: number, event: QuotaEvent): Promise<Taken> {
    const at = this.#options.now()
    const { calendar } = scope.snapshot.usage
    const period = calendar.current(at, quota.period)
    const periodFrom = calendar.latestStart(at)
    const move = { tenant: scope.tenant.id, meter, period: period.key, delta: quantity, limit: quota.limit }
    let result = await this.#commit(scope, move, event(period, at))
    if (result.status === 'uncounted') {
      await this.#catchUp()
      const { from, to } = period
      result = await this.#commit(scope, { ...move, seed: { from, to } }, event(period, at))
    }
    if (result.status === 'committed') return { period, counted: true, periodFrom }
    if (result.status !== 'refused') throw new ThroughlineError('QUOTA_UNAVAILABLE')
    this.#refuse(scope, meter, quota, quantity, period, result.used)
    return { period, counted: false, periodFrom }
  }

  /** Gives units back. A failure is on the record; it must not fail what has failed already. */
  async giveBack(scope: UsageScope, meter: string, quantity: number, period: Period): Promise<void> {
    const targets = [{ type: 'meter', id: meter }]
    const metadata = { quantity, period: period.key }
    try {
      await this.#commit(
        scope,
        { tenant: scope.tenant.id, meter, period: period.key, delta: -quantity },
        { action: 'quota.released', targets, metadata },
      )
    } catch {
      scope.note({ action: 'quota.released', outcome: 'failure', notable: true, targets, metadata })
    }
  }

  async #lookAgain(scope: UsageScope, meter: string): Promise<Quota | undefined> {
    try {
      await scope.owner.reload(scope)
    } catch (cause) {
      throw refusalOr(cause)
    }
    return hardQuota(scope, meter)
  }

  async #commit(scope: UsageScope, move: QuotaMove, event: Omit<JournalEvent, 'notable'>): Promise<CommitResult> {
    try {
      return await this.#options.commit(scope, { writes: [], quotas: [move], event })
    } catch (cause) {
      throw refusalOr(cause)
    }
  }

  /** Brings the ledger up to date: a counter that was lost, or that no one has used yet, starts from it. */
  async #catchUp(): Promise<void> {
    try {
      const { behind } = await this.#options.drain()
      if (behind) throw new Error('The ledger is behind.')
    } catch (cause) {
      throw new ThroughlineError('QUOTA_UNAVAILABLE', { cause })
    }
  }

  #refuse(scope: UsageScope, meter: string, quota: Quota, quantity: number, period: Period, used: number): void {
    const { limit } = quota
    const observed = this.#options.mode === 'observe'
    scope.note({
      action: 'quota.refused',
      outcome: 'refused',
      notable: true,
      targets: [{ type: 'meter', id: meter }],
      metadata: { quantity, limit, used, period: period.key, ...(observed && { observed: true }) },
    })
    if (observed) return
    const retryAfter = Math.max(1, Math.ceil((period.to - this.#options.now()) / 1_000))
    throw new ThroughlineError('QUOTA_EXCEEDED', {
      headers: quantity <= limit ? { 'Retry-After': String(retryAfter) } : {},
      details: {
        meter,
        limit,
        used,
        remaining: Math.max(0, limit - used),
        resetsAt: new Date(period.to).toISOString(),
        ...(quantity <= limit && { retryAfter }),
        'violated-policies': [meter],
      },
    })
  }
}

/** What the snapshot says, which may be a while ago. */
export function hardQuota({ snapshot }: UsageScope, meter: string): Quota | undefined {
  const quota = snapshot.usage.quotas.get(meter)
  return quota?.hard === true ? quota : undefined
}

/** A suspended tenant is told so: it could try again for ever. */
function refusalOr(cause: unknown): ThroughlineError {
  const refusal = cause instanceof ThroughlineError && cause.status < 500
  return refusal ? cause : new ThroughlineError('QUOTA_UNAVAILABLE', { cause })
}
