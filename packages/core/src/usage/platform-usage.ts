import type { UsageQuery, UsageTotal } from '../storage/records.ts'
import type { UsageReport } from './usage.ts'
import type { UsageTotalsQuery } from './usage-query.ts'
import { readUsageQuery } from './usage-query.ts'

/** Usage of any tenant, as the operator sees it. */
export interface PlatformUsage {
  /** @throws ThroughlineError `PLATFORM_REASON_REQUIRED`, `QUERY_INVALID` */
  totals(tenantId: string, query?: UsageTotalsQuery): Promise<UsageReport>
}

export function createPlatformUsage(port: {
  /** @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside `platform.run` */
  opened(tenantId: string): void
  drain(): Promise<{ readonly behind: boolean }>
  totals(query: UsageQuery): Promise<readonly UsageTotal[]>
  now(): number
}): PlatformUsage {
  return {
    async totals(tenantId, query = {}) {
      port.opened(tenantId)
      const asked = readUsageQuery(tenantId, query, port.now())
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
