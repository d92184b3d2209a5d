import type { Json } from '../vocabulary.ts'
import type { JournalEvent, JournalRecord } from './journal-record.ts'
import { batchLines } from './journal-record.ts'
import type { TimelineEvent, TimelinePage, TimelineQuery } from './records.ts'
import type { Segment } from './segment.ts'

/** Actions that fold into a context's record and are not in the index of notable events. */
export const ROUTINE_ACTIONS: ReadonlySet<string> = new Set([
  'request.handled',
  'run.completed',
  'flag.evaluated',
  'limit.passed',
  'usage.recorded',
])

/** Whether a query by action can be answered from the index of notable events alone. */
export function isNotableQuery(query: TimelineQuery): boolean {
  return query.actions?.every((action) => !ROUTINE_ACTIONS.has(action)) ?? false
}

/** Text that stands in every record with an event of this action. */
export function actionMark(action: string): string {
  return `"action":${JSON.stringify(action)}`
}

/** Text that stands in every record of this actor, and in others. */
export function actorMark(actor: string): string {
  return `"id":${JSON.stringify(actor)}`
}

/**
 * Collects one page. A storage feeds it segments (or notable records) newest first, one by one, and stops reading as
 * soon as an `add` answers true.
 */
export class TrailPage {
  readonly #query: TimelineQuery
  readonly #events: TimelineEvent[] = []
  #full = false
  #goesOnBefore: number | undefined

  constructor(query: TimelineQuery) {
    this.#query = query
  }

  /** Adds a segment's matching events; true once the page is full. `repeats` counts by record id. */
  addSegment(segment: Pick<Segment, 'firstSeq' | 'body'>, repeats: ReadonlyMap<string, number>): boolean {
    const { actions, actor } = this.#query
    const lines = batchLines(segment.body)
    for (let i = lines.length - 1; i >= 0 && !this.#full; i--) {
      const line = lines[i] as string
      if (actions && !actions.some((action) => line.includes(actionMark(action)))) continue
      if (actor !== undefined && !line.includes(actorMark(actor))) continue
      const record: JournalRecord = JSON.parse(line)
      for (let index = record.events.length - 1; index >= 0; index--) {
        const event = record.events[index] as JournalEvent
        if (this.#add(record, segment.firstSeq + i, index, event, repeats)) return true
      }
    }
    return this.#full
  }

  /** Adds one row of the index of notable events; true once the page is full. */
  addNotable(
    row: { readonly seq: number; readonly index: number; readonly record: string },
    repeats: ReadonlyMap<string, number>,
  ): boolean {
    const record: JournalRecord = JSON.parse(row.record)
    return this.#add(record, row.seq, row.index, record.events[0] as JournalEvent, repeats)
  }

  /** Nothing older than this segment was looked at: the next page goes on there, whether this one is full or not. */
  stop(firstSeq: number): void {
    this.#goesOnBefore = firstSeq
  }

  page(): TimelinePage {
    const events = this.#events
    const last = events.at(-1)
    if (this.#full && last) return { events, next: { seq: last.seq, index: last.index } }
    return this.#goesOnBefore === undefined ? { events } : { events, next: { seq: this.#goesOnBefore, index: 0 } }
  }

  #add(
    record: JournalRecord,
    seq: number,
    index: number,
    event: JournalEvent,
    repeats: ReadonlyMap<string, number>,
  ): boolean {
    const { from, to, actions, actor, before, limit } = this.#query
    const at = record.at + (event.after ?? 0)
    if (from !== undefined && at < from) return false
    if (to !== undefined && at >= to) return false
    if (actions && !actions.includes(event.action)) return false
    if (actor !== undefined && record.actor.id !== actor) return false
    if (before && (seq > before.seq || (seq === before.seq && index >= before.index))) return false
    if (this.#events.length === limit) {
      this.#full = true
      return true
    }
    this.#events.push(timelineEvent(record, seq, index, event, repeats.get(record.id) ?? 0))
    return false
  }
}

function timelineEvent(
  record: JournalRecord,
  seq: number,
  index: number,
  event: JournalEvent,
  repeated: number,
): TimelineEvent {
  const request: Record<string, Json> | undefined = record.request && { ...record.request }
  return {
    id: `${record.id}.${index}`,
    seq,
    index,
    occurredAt: new Date(record.at + (event.after ?? 0)).toISOString(),
    action: event.action,
    outcome: event.outcome ?? 'success',
    actor: record.actor,
    targets: event.targets ?? [],
    context: { ...(record.trace !== undefined && { traceId: record.trace }), ...(request && { request }) },
    metadata:
      record.reason === undefined ? (event.metadata ?? {}) : { reason: record.reason, ...(event.metadata ?? {}) },
    count: (event.count ?? 1) * (1 + repeated),
  }
}
