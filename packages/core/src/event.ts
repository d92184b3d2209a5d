import type { JournalEvent } from './storage/journal-record.ts'

/**
 * A routine event prepared once and counted often: an engine keeps one for each decision it can take, and a context
 * only counts how often it met it.
 */
export interface EventTemplate {
  readonly action: string
  /** The event as JSON up to its closing brace, so that a count can be added. */
  readonly open: string
}

/** Prepares a routine event. Made at load time, never per request. */
export function eventTemplate(event: Omit<JournalEvent, 'count' | 'after' | 'notable'>): EventTemplate {
  return { action: event.action, open: JSON.stringify(event).slice(0, -1) }
}
