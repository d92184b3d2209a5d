import type { LimitsStore } from './limits.ts'
import type { RecordsStore } from './records.ts'

/** What `createThroughline({ storage })` takes: one transactional backend for records, any store for limits. */
export interface Storage {
  readonly records: RecordsStore
  readonly limits?: LimitsStore
}
