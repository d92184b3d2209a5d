import type { Catalog, MeterDefinition } from '../catalog/definitions.ts'
import type { MeterName } from '../catalog/keys.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import type { MaybePromise } from '../storage/limits.ts'
import type { UsageTotal } from '../storage/records.ts'
import type { UsageTotalsQuery } from './usage-query.ts'
import type { UsageScope } from './usage-scope.ts'

export interface RecordOptions {
  /** 1 to 200 characters, well-formed. The same key of one meter counts once, however often it is recorded. */
  readonly key?: string | undefined
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
  /** The catalog's meters, by name. */
  readonly meters: Readonly<Record<MeterName<C>, MeterDefinition>>
  /**
   * Records usage; resolves once it is durable. Inside `within` it resolves at once, and is durable with the transaction;
   * units of a hard quota are set aside at once, and given back where `within` fails.
   *
   * @param quantity a whole number above 0, 1 unless said
   * @throws ThroughlineError `METER_UNKNOWN`, `USAGE_QUANTITY_INVALID`, `USAGE_KEY_INVALID`, `OPTIONS_INVALID`;
   *   `QUOTA_EXCEEDED`, `QUOTA_UNAVAILABLE`, and `TENANT_SUSPENDED` and such of a context that may not go on, where the plan
   *   has a hard quota; `TENANT_REQUIRED` outside a tenant context
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
