import type { JournalEvent } from './storage/journal-record.ts'

/**
 * A routine event prepared once and counted often: an engine keeps one for each decision it can take, and a context
 * only counts how often it met it.
 */
export interface EventTemplate {
  readonly action: string
  /** The event as JSON up to its closing brace, so that a count can be added. */
  readonly open: string
  /** Of an evaluation that was not ours: who made it. */
  readonly provider?: string
  /** Policies that let it pass: counted one by one by telemetry, and not on record, for the plan says them. */
  readonly policies?: readonly string[]
}

/** Prepares a routine event. Made at load time, never per request. */
export function eventTemplate(
  event: Omit<JournalEvent, 'count' | 'after' | 'notable'>,
  policies?: readonly string[],
): EventTemplate {
  return { action: event.action, open: JSON.stringify(event).slice(0, -1), ...(policies && { policies }) }
}
