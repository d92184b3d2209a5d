import type { MeterDefinition } from '../catalog/definitions.ts'
import type { MaybePromise } from '../storage/limits.ts'
import type { UsageQuery, UsageTotal } from '../storage/records.ts'
import { type Calendar, UTC_CALENDAR } from './calendar.ts'
import type { UsageReport } from './usage-face.ts'
import { meterOf } from './usage-input.ts'
import type { UsageTotalsQuery } from './usage-query.ts'
import { checkTenant, readUsageQuery, usageReport } from './usage-query.ts'

/** Usage of any tenant, as the operator sees it. */
export interface PlatformUsage {
  /**
   * Periods are of the tenant's calendar.
   *
   * @throws ThroughlineError `PLATFORM_REASON_REQUIRED`, `METER_UNKNOWN`, `QUERY_INVALID`
   */
  totals(tenantId: string, query?: UsageTotalsQuery): Promise<UsageReport>
}

export function createPlatformUsage(port: {
  readonly meters: Readonly<Record<string, MeterDefinition>>
  /** @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside `platform.run` */
  opened(tenantId: string): void
  /** The tenant's days and months. */
  calendar(tenantId: string): MaybePromise<Calendar>
  drain(): Promise<{ readonly behind: boolean }>
  totals(query: UsageQuery): Promise<readonly UsageTotal[]>
  now(): number
}): PlatformUsage {
  const meters = new Map(Object.entries(port.meters))
  return {
    async totals(tenantId, query = {}) {
      checkTenant(tenantId)
      port.opened(tenantId)
      const calendar = query.from === undefined ? await port.calendar(tenantId) : UTC_CALENDAR
      const asked = readUsageQuery(tenantId, query, calendar, port.now())
      if (asked.meter !== undefined) meterOf(meters, asked.meter)
      const { behind } = await port.drain()
      return usageReport(asked, await port.totals(asked), meters.keys(), behind)
    },
  }
}
