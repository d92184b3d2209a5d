import { newId } from './clock.ts'
import type { JournalEvent, JournalRecord } from './storage/journal-record.ts'
import type { DocumentWrite, QuotaMove } from './storage/records.ts'
import type { Actor, RequestInfo } from './vocabulary.ts'

/** A change with the event it leaves on the tenant's trail, in one transaction. */
export interface RecordedChange {
  readonly writes?: readonly DocumentWrite[]
  readonly quotas?: readonly QuotaMove[]
  readonly event?: Omit<JournalEvent, 'notable'>
}

/** In whose name a change is made. */
export interface ChangeAuthor {
  readonly actor: Actor
  /** Of the operator. */
  readonly reason?: string
  readonly trace: string
  readonly request: RequestInfo | undefined
}

/** What a change leaves on a trail; nothing without an event. */
export function recordOf(
  trail: string,
  { writes = [], event }: RecordedChange,
  { actor, reason, trace, request }: ChangeAuthor,
  at: number,
): JournalRecord | undefined {
  return (
    event && {
      id: newId(at),
      tenant: trail,
      at,
      actor: { type: actor.type, id: actor.id, ...(actor.name !== undefined && { name: actor.name }) },
      trace,
      ...(request && { request: { method: request.method, path: request.path } }),
      ...(reason !== undefined && { reason }),
      events: [writes.length > 0 ? { ...event, notable: true } : event],
    }
  )
}
