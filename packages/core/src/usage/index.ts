export type { Period } from './period.ts'
export { periodOf } from './period.ts'
export type { PlatformUsage } from './platform-usage.ts'
export { createPlatformUsage } from './platform-usage.ts'
export type { QuotasView } from './quotas-view.ts'
export { quotasView } from './quotas-view.ts'
export type {
  QuotaState,
  RecordOptions,
  Reservation,
  Usage,
  UsageEngine,
  UsageOptions,
  UsageReport,
} from './usage.ts'
export { createUsage } from './usage.ts'
export type { Moment, UsageTotalsQuery } from './usage-query.ts'
export type { CommitQuota, QuotaChange, UsageScope } from './usage-scope.ts'
