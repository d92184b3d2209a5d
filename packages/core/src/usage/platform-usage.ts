import type { MaybePromise } from '../storage/limits.ts'
import type { UsageQuery, UsageTotal } from '../storage/records.ts'
import { type Calendar, UTC_CALENDAR } from './calendar.ts'
import type { UsageReport } from './usage-face.ts'
import type { UsageTotalsQuery } from './usage-query.ts'
import { readUsageQuery } from './usage-query.ts'

/** Usage of any tenant, as the operator sees it. */
export interface PlatformUsage {
  /**
   * Periods are of the tenant's calendar.
   *
   * @throws ThroughlineError `PLATFORM_REASON_REQUIRED`, `QUERY_INVALID`
   */
  totals(tenantId: string, query?: UsageTotalsQuery): Promise<UsageReport>
}

export function createPlatformUsage(port: {
  /** @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside `platform.run` */
  opened(tenantId: string): void
  /** The tenant's days and months. */
  calendar(tenantId: string): MaybePromise<Calendar>
  drain(): Promise<{ readonly behind: boolean }>
  totals(query: UsageQuery): Promise<readonly UsageTotal[]>
  now(): number
}): PlatformUsage {
  return {
    async totals(tenantId, query = {}) {
      port.opened(tenantId)
      const calendar = query.from === undefined ? await port.calendar(tenantId) : UTC_CALENDAR
      const asked = readUsageQuery(tenantId, query, calendar, port.now())
      const { behind } = await port.drain()
      const totals = await port.totals(asked)
      return {
        from: new Date(asked.from).toISOString(),
        to: new Date(asked.to).toISOString(),
        totals,
        ...(behind && { behind }),
      }
    },
  }
}
