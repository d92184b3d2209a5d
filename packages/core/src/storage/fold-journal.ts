import type { JournalEvent, JournalRecord } from './journal-record.ts'
import type { WriterState } from './journal-seal.ts'
import type { ReadJournal, RepeatCount } from './read-journal.ts'
import type { Segment, TrailHead } from './segment.ts'
import { sealSegment } from './segment.ts'
import type { CounterMove, LedgerEntry, UsageRollup } from './usage-fold.ts'
import { UsageFold } from './usage-fold.ts'

/** Records of one segment at the most: a page of the timeline never has to read much more than it shows. */
const SEGMENT_RECORDS = 500

/** A notable event's place in the index: config changes, refusals, auth events, errors, the app's own records. */
export interface NotableEvent {
  readonly tenant: string
  readonly action: string
  readonly seq: number
  readonly index: number
  readonly at: number
  readonly actor: string
  /** The record with this one event in it, as JSON: a page by action needs no other row. */
  readonly record: string
}

/** Everything one projecting transaction writes, besides removing the rows it read. */
export interface Projection {
  readonly records: number
  readonly segments: readonly Segment[]
  readonly heads: ReadonlyMap<string, TrailHead>
  readonly notable: readonly NotableEvent[]
  readonly repeats: readonly RepeatCount[]
  readonly ledger: readonly LedgerEntry[]
  readonly rollups: readonly UsageRollup[]
  readonly counterMoves: readonly CounterMove[]
  readonly writers: ReadonlyMap<string, WriterState>
}

/**
 * Decides what one projecting transaction writes.
 *
 * @param state heads of `read.tenants` that have one, and the {@link usageKeyId}s the ledger already has
 */
export function foldJournal(
  read: ReadJournal,
  state: { readonly heads: ReadonlyMap<string, TrailHead>; readonly counted: ReadonlySet<string> },
): Projection {
  const segments: Segment[] = []
  const heads = new Map<string, TrailHead>()
  const notable: NotableEvent[] = []
  const usage = new UsageFold(state.counted)
  let records = 0

  for (const [tenant, entries] of read.entries) {
    let head = state.heads.get(tenant) ?? { seq: 0, hash: '' }
    for (let start = 0; start < entries.length; start += SEGMENT_RECORDS) {
      const part = entries.slice(start, start + SEGMENT_RECORDS)
      const segment = sealSegment(tenant, head, part)
      part.forEach(({ record }, i) => {
        record.events.forEach((event, index) => {
          if (event.notable) notable.push(noteEvent(record, segment.firstSeq + i, event, index))
          usage.add(record, event, segment.firstSeq)
        })
      })
      usage.endSegment()
      segments.push(segment)
      head = { seq: segment.firstSeq + segment.count - 1, hash: segment.hash }
      records += segment.count
    }
    heads.set(tenant, head)
  }
  return {
    records,
    segments,
    heads,
    notable,
    repeats: read.repeats,
    ledger: usage.ledger,
    rollups: usage.rollups,
    counterMoves: usage.counterMoves,
    writers: read.writers,
  }
}

function noteEvent(record: JournalRecord, seq: number, event: JournalEvent, index: number): NotableEvent {
  return {
    tenant: record.tenant,
    action: event.action,
    seq,
    index,
    at: record.at + (event.after ?? 0),
    actor: record.actor.id,
    record: JSON.stringify({ ...record, events: [event] }),
  }
}
