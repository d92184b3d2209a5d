import type { TimelineEvent } from '@throughline/core/storage'

/** What the operator asks the view `throughline_timeline`. */
export interface TimelineEventsQuery {
  readonly tenant: string
  /** ms since the epoch, inclusive. */
  readonly from: number
  readonly actions?: readonly string[]
  readonly actor?: string
  readonly limit: number
}

/** An event as `audit.list` gives it; without `seq` while its record is not yet projected. */
export type ViewedEvent = Omit<TimelineEvent, 'seq'> & { readonly seq?: number }
