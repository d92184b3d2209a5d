import type { Dialect } from './dialect.ts'
import { timelineOf } from './migrations/timeline-view.ts'
import type { ViewedEvent } from './sqlite/viewed-event.ts'

type Answer<T> = T | Promise<T>

/** A tenant's events of the time that is asked for, as a database has them. */
export interface EventSource {
  /**
   * The last record before the tenant's so many newest segments, and the time of the latest event up to it; none where
   * no event up to it can be asked for.
   */
  recordBefore(segments: number): Answer<{ readonly seq: number; readonly latest: number } | undefined>
  /** The newest events, at the most as many as are asked for, of the records after this one. */
  eventsAfter(seq: number): Answer<readonly ViewedEvent[]>
}

/** Each further look goes so many times as far back: what was read before is a small part of it. */
const FURTHER = 8

/**
 * A tenant's newest events, by the time they occurred: reads the trail backwards until no earlier record can have one
 * that is newer, so that it takes as long for a tenant with much history as for one with little.
 */
export async function newestEvents(source: EventSource, limit: number): Promise<readonly ViewedEvent[]> {
  for (let segments = 2 * limit + 1; ; segments *= FURTHER) {
    const before = await source.recordBefore(segments)
    const events = await source.eventsAfter(before?.seq ?? 0)
    if (before === undefined) return events
    const oldest = events[limit - 1]
    if (oldest && Date.parse(oldest.occurredAt) > before.latest) return events
  }
}

/**
 * SQL of the view's rows, of the records that {@link EventSource.eventsAfter} reads.
 *
 * @param segments SQL of the segments' conditions
 */
export function timelineAfter(dialect: Dialect, segments: string): string {
  return `(${timelineOf(dialect, `(SELECT * FROM throughline_trail WHERE ${segments})`)}) AS timeline`
}
