import type { Catalog, MeterDefinition, Quota } from '../catalog/definitions.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import type { MaybePromise } from '../storage/limits.ts'
import type { UsageQuery, UsageTotal } from '../storage/records.ts'
import { usageMetadata } from '../storage/usage-event.ts'
import { UTC_CALENDAR } from './calendar.ts'
import { hardQuota, QuotaCounter, type QuotaEvent } from './quota-counter.ts'
import { RecentKeys } from './recent-keys.ts'
import type { QuotaState, RecordOptions, Reservation, UsageEngine, UsageReport } from './usage-face.ts'
import { checkUsage, type Meters, meterOf } from './usage-input.ts'
import { readUsageQuery, type UsageTotalsQuery, usageReport } from './usage-query.ts'
import type { CommitQuota, JoinedUsage, NewUsage, UsageScope } from './usage-scope.ts'

export interface UsageOptions {
  /** The open tenant context; throws `TENANT_REQUIRED` outside of one. */
  scope(): UsageScope
  readonly meters: Readonly<Record<string, MeterDefinition>>
  readonly commit: CommitQuota
  /** Projects everything that was acknowledged; `behind` when there was no time for all of it. */
  drain(): Promise<{ readonly behind: boolean }>
  totals(query: UsageQuery): Promise<readonly UsageTotal[]>
  /** ms since the epoch. */
  now(): number
  /** `observe` lets everything pass and records what it would have refused; `enforce` unless said. */
  readonly mode?: 'enforce' | 'observe'
}

/** Makes the usage engine. */
export function createUsage<C extends Catalog = RegisteredCatalog>(options: UsageOptions): UsageEngine<C> {
  return new LedgerUsage(options)
}

class LedgerUsage implements UsageEngine<Catalog> {
  readonly meters: Readonly<Record<string, MeterDefinition>>
  readonly #options: UsageOptions
  readonly #meters: Meters
  readonly #counter: QuotaCounter
  readonly #recent = new RecentKeys()

  constructor(options: UsageOptions) {
    const { commit, mode = 'enforce' } = options
    this.#options = options
    this.meters = options.meters
    this.#meters = new Map(Object.entries(options.meters))
    this.#counter = new QuotaCounter({
      commit,
      mode,
      drain: () => options.drain(),
      now: () => options.now(),
    })
  }

  async record(meter: string, quantity = 1, options: RecordOptions = {}): Promise<void> {
    const scope = this.#options.scope()
    checkUsage(this.#meters, meter, quantity, options)
    const { key } = options
    const found = this.#counter.quotaOf(scope, meter)
    // What is not waited for is on the context's record, or in the app's transaction, all the same.
    const quota = found instanceof Promise ? await found : found
    if (!quota) return this.#record(scope, meter, quantity, key)
    if (scope.joined) return this.#join(scope, scope.joined, meter, quota, quantity, key)
    const take = (): Promise<void> => this.#recordCounted(scope, meter, quota, quantity, key)
    if (key === undefined) return take()
    const first = await this.#recent.once(scope.tenant.id, meter, key, take)
    if (!first) await this.#record(scope, meter, quantity, key)
  }

  async totals(query: UsageTotalsQuery = {}): Promise<UsageReport> {
    const scope = this.#options.scope()
    const asked = readUsageQuery(scope.tenant.id, query, scope.snapshot.usage.calendar, this.#options.now())
    if (asked.meter !== undefined) meterOf(this.#meters, asked.meter)
    const { behind } = await this.#options.drain()
    return usageReport(asked, await this.#options.totals(asked), this.#meters.keys(), behind)
  }

  async remaining(meter: string): Promise<QuotaState | undefined> {
    const scope = this.#options.scope()
    meterOf(this.#meters, meter)
    const quota = scope.snapshot.usage.quotas.get(meter)
    if (!quota) return undefined
    const { limit, hard, period } = quota
    const { from, to } = scope.snapshot.usage.calendar.current(this.#options.now(), period)
    const { behind } = await this.#options.drain()
    const [total] = await this.#options.totals({ tenant: scope.tenant.id, meter, from, to })
    const used = total?.quantity ?? 0
    const resetsAt = new Date(to).toISOString()
    return {
      meter,
      limit,
      used,
      remaining: Math.max(0, limit - used),
      hard,
      period,
      resetsAt,
      ...(behind && { behind }),
    }
  }

  reserveIn(scope: UsageScope, meter: string, quantity = 1, options: RecordOptions = {}): MaybePromise<Reservation> {
    checkUsage(this.#meters, meter, quantity, options)
    const { key } = options
    // Guards have looked at the tenant before.
    const quota = hardQuota(scope, meter)
    if (!quota) return this.#uncounted(scope, meter, quantity, key)
    return this.#reserveCounted(scope, meter, quota, quantity, key)
  }

  /** The counter can not be in the app's transaction, which may stay open: everybody else would wait for its row. */
  async #join(
    scope: UsageScope,
    joined: JoinedUsage,
    meter: string,
    quota: Quota,
    quantity: number,
    key: string | undefined,
  ): Promise<void> {
    const units = await this.#reserveCounted(scope, meter, quota, quantity, key, joined)
    if (scope.joined === joined) {
      joined.hold(units)
      return
    }
    // The function has ended without waiting for this call.
    await units.release()
    await this.#recordCounted(scope, meter, quota, quantity, key)
  }

  async #reserveCounted(
    scope: UsageScope,
    meter: string,
    quota: Quota,
    quantity: number,
    key: string | undefined,
    into: Pick<UsageScope, 'recordUsage'> = scope,
  ): Promise<Reservation> {
    const event: QuotaEvent = ({ key: period }) => ({
      action: 'quota.reserved',
      targets: [{ type: 'meter', id: meter }],
      metadata: { quantity, period },
    })
    const { period, counted, periodFrom } = await this.#counter.take(scope, meter, quota, quantity, event)
    if (!counted) return this.#uncounted(scope, meter, quantity, key, into)
    return {
      keep: () => into.recordUsage({ ...entry(meter, quantity, key, periodFrom), quotaPeriod: period.key }),
      release: () => this.#counter.giveBack(scope, meter, quantity, period),
    }
  }

  /** The counter and the ledger's event move in one transaction. */
  async #recordCounted(
    scope: UsageScope,
    meter: string,
    quota: Quota,
    quantity: number,
    key: string | undefined,
  ): Promise<void> {
    const { calendar } = scope.snapshot.usage
    const event: QuotaEvent = ({ key: quotaPeriod }, at) => ({
      action: 'usage.recorded',
      targets: [{ type: 'meter', id: meter }],
      metadata: usageMetadata({ quantity, key, quotaPeriod, periodFrom: calendar.latestStart(at) }, at),
    })
    const { counted } = await this.#counter.take(scope, meter, quota, quantity, event)
    if (!counted) await this.#record(scope, meter, quantity, key)
  }

  async #record(scope: UsageScope, meter: string, quantity: number, key: string | undefined): Promise<void> {
    const { joined } = scope
    const usage = entry(meter, quantity, key, this.#periodFrom(scope))
    if (joined) {
      joined.recordUsage(usage)
      return
    }
    scope.recordUsage(usage)
    await scope.settlePart()
  }

  #uncounted(
    scope: UsageScope,
    meter: string,
    quantity: number,
    key: string | undefined,
    into: Pick<UsageScope, 'recordUsage'> = scope,
  ): Reservation {
    return {
      keep: () => into.recordUsage(entry(meter, quantity, key, this.#periodFrom(scope))),
      release: () => undefined,
    }
  }

  #periodFrom({ snapshot }: UsageScope): number | undefined {
    const { calendar } = snapshot.usage
    return calendar === UTC_CALENDAR ? undefined : calendar.latestStart(this.#options.now())
  }
}

function entry(meter: string, quantity: number, key: string | undefined, periodFrom: number | undefined): NewUsage {
  return {
    meter,
    quantity,
    ...(key !== undefined && { key }),
    ...(periodFrom !== undefined && { periodFrom }),
  }
}
