import type { Catalog, MeterDefinition, Quota } from '../catalog/definitions.ts'
import type { MeterName } from '../catalog/keys.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import type { MaybePromise } from '../storage/limits.ts'
import type { UsageQuery, UsageTotal } from '../storage/records.ts'
import { type Period, periodOf } from './period.ts'
import { QuotaCounter } from './quota-counter.ts'
import { RecentKeys } from './recent-keys.ts'
import { checkUsage, type Meters, meterOf } from './usage-input.ts'
import { readUsageQuery, type UsageTotalsQuery } from './usage-query.ts'
import type { CommitQuota, JoinedUsage, UsageScope } from './usage-scope.ts'

export interface RecordOptions {
  /** 1 to 200 characters, well-formed. The same key of one meter counts once, however often it is recorded. */
  readonly key?: string
}

/** Usage of a stretch of time. */
export interface UsageReport {
  /** ISO 8601, inclusive. */
  readonly from: string
  /** ISO 8601, exclusive. */
  readonly to: string
  /** Each meter asked for, by name; also those without usage. */
  readonly totals: readonly UsageTotal[]
  /** Some of what was acknowledged before the call is not in it yet. */
  readonly behind?: true
}

/** How much of a quota is left. */
export interface QuotaState {
  readonly meter: string
  readonly limit: number
  readonly used: number
  readonly remaining: number
  readonly hard: boolean
  readonly period: 'day' | 'month'
  /** ISO 8601. */
  readonly resetsAt: string
  /** Some of what was acknowledged before the call is not in it yet. */
  readonly behind?: true
}

/** Units set aside for a call that has not ended. */
export interface Reservation {
  /** The call succeeded: the units are usage. */
  keep(): MaybePromise<void>
  /** It did not: the units go back. */
  release(): MaybePromise<void>
}

/** Usage of the current tenant. */
export interface Usage<C extends Catalog = RegisteredCatalog> {
  /**
   * Records usage; resolves once it is durable. Inside `within` it resolves at once, and is durable with the transaction;
   * units of a hard quota are set aside at once, and given back where `within` fails.
   *
   * @param quantity a whole number above 0, 1 unless said
   * @throws ThroughlineError `METER_UNKNOWN`, `USAGE_QUANTITY_INVALID`, `USAGE_KEY_INVALID`; `QUOTA_EXCEEDED` and
   *   `QUOTA_UNAVAILABLE` where the plan has a hard quota; `TENANT_REQUIRED` outside a tenant context
   */
  record(meter: MeterName<C>, quantity?: number, options?: RecordOptions): Promise<void>
  /**
   * Sums by meter, of everything that was acknowledged before the call.
   *
   * @throws ThroughlineError `METER_UNKNOWN`, `QUERY_INVALID`, `TENANT_REQUIRED`
   */
  totals(query?: UsageTotalsQuery<MeterName<C>>): Promise<UsageReport>
  /**
   * What is left of the plan's quota in the current period; `undefined` when the plan has none for this meter.
   *
   * @throws ThroughlineError `METER_UNKNOWN`, `TENANT_REQUIRED`
   */
  remaining(meter: MeterName<C>): Promise<QuotaState | undefined>
}

/** The same, for code that holds a scope already: guards. */
export interface UsageEngine<C extends Catalog = RegisteredCatalog> extends Usage<C> {
  /**
   * Sets units aside before a call: at once, and only in memory, unless a hard quota has to be asked.
   *
   * @throws ThroughlineError as `record`
   */
  reserveIn(scope: UsageScope, meter: string, quantity?: number, options?: RecordOptions): MaybePromise<Reservation>
}

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
  readonly #options: UsageOptions
  readonly #meters: Meters
  readonly #counter: QuotaCounter
  readonly #recent = new RecentKeys()

  constructor(options: UsageOptions) {
    const { commit, mode = 'enforce' } = options
    this.#options = options
    this.#meters = new Map(Object.entries(options.meters))
    this.#counter = new QuotaCounter({
      commit,
      mode,
      drain: () => options.drain(),
      totals: (query) => options.totals(query),
      now: () => options.now(),
    })
  }

  async record(meter: string, quantity = 1, options: RecordOptions = {}): Promise<void> {
    const scope = this.#options.scope()
    const { key } = options
    checkUsage(this.#meters, meter, quantity, key)
    const quota = scope.snapshot.usage.get(meter)
    if (quota?.hard !== true) return record(scope, meter, quantity, key)
    if (scope.joined) return this.#join(scope, scope.joined, meter, quota, quantity, key)
    const take = (): Promise<void> => this.#recordCounted(scope, meter, quota, quantity, key)
    if (key === undefined) return take()
    const first = await this.#recent.once(scope.tenant.id, meter, key, take)
    if (!first) await record(scope, meter, quantity, key)
  }

  async totals(query: UsageTotalsQuery = {}): Promise<UsageReport> {
    const scope = this.#options.scope()
    const asked = readUsageQuery(scope.tenant.id, query, this.#options.now())
    if (asked.meter !== undefined) meterOf(this.#meters, asked.meter)
    const { behind } = await this.#options.drain()
    const found = new Map((await this.#options.totals(asked)).map((total) => [total.meter, total]))
    const names = asked.meter === undefined ? new Set([...this.#meters.keys(), ...found.keys()]) : [asked.meter]
    return {
      from: new Date(asked.from).toISOString(),
      to: new Date(asked.to).toISOString(),
      totals: [...names].sort().map((meter) => found.get(meter) ?? { meter, quantity: 0, count: 0 }),
      ...(behind && { behind }),
    }
  }

  async remaining(meter: string): Promise<QuotaState | undefined> {
    const scope = this.#options.scope()
    meterOf(this.#meters, meter)
    const quota = scope.snapshot.usage.get(meter)
    if (!quota) return undefined
    const { limit, hard, period } = quota
    const { from, to } = periodOf(this.#options.now(), period)
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
    const { key } = options
    checkUsage(this.#meters, meter, quantity, key)
    const quota = scope.snapshot.usage.get(meter)
    if (quota?.hard !== true) return uncounted(scope, meter, quantity, key)
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
    const { period, counted } = await this.#counter.take(scope, meter, quota, quantity, ({ key: first }) => ({
      action: 'quota.reserved',
      targets: [{ type: 'meter', id: meter }],
      metadata: { quantity, period: first },
    }))
    if (!counted) return uncounted(into, meter, quantity, key)
    return {
      keep: () => into.recordUsage({ ...entry(meter, quantity, key), quotaPeriod: period.key }),
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
    const event = (period: Period) => ({
      action: 'usage.recorded',
      targets: [{ type: 'meter', id: meter }],
      metadata: { quantity, ...(key !== undefined && { key }), quotaPeriod: period.key },
    })
    const { counted } = await this.#counter.take(scope, meter, quota, quantity, event)
    if (!counted) await record(scope, meter, quantity, key)
  }
}

async function record(scope: UsageScope, meter: string, quantity: number, key: string | undefined): Promise<void> {
  const { joined } = scope
  const usage = entry(meter, quantity, key)
  if (joined) {
    joined.recordUsage(usage)
    return
  }
  scope.recordUsage(usage)
  await scope.settlePart()
}

function uncounted(
  into: Pick<UsageScope, 'recordUsage'>,
  meter: string,
  quantity: number,
  key: string | undefined,
): Reservation {
  return {
    keep: () => into.recordUsage(entry(meter, quantity, key)),
    release: () => undefined,
  }
}

function entry(
  meter: string,
  quantity: number,
  key: string | undefined,
): { readonly meter: string; readonly quantity: number; readonly key?: string } {
  return key === undefined ? { meter, quantity } : { meter, quantity, key }
}
