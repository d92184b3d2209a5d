import { PLATFORM } from '../vocabulary.ts'
import { isTransactionWriter } from './change-stream.ts'
import type { JournalEvent, JournalRecord } from './journal-record.ts'
import { batchLines } from './journal-record.ts'
import type { JournalRow, WriterState } from './journal-seal.ts'
import { sealHolds } from './journal-seal.ts'
import type { TrailEntry } from './segment.ts'
import { usageOf } from './usage-event.ts'
import type { UsageKey } from './usage-fold.ts'
import { ledgerKey } from './usage-fold.ts'

export interface RepeatCount {
  readonly tenant: string
  /** `at` of the record that is repeated, ms. */
  readonly at: number
  /** Its id. */
  readonly of: string
  readonly count: number
}

/** Journal rows, read: what a storage has to look up before {@link foldJournal}. */
export interface ReadJournal {
  /** Tenants whose trail heads are needed. */
  readonly tenants: readonly string[]
  /** Keys of which the ledger must be asked whether it has them. */
  readonly usageKeys: readonly UsageKey[]
  readonly writers: ReadonlyMap<string, WriterState>
  readonly entries: ReadonlyMap<string, readonly TrailEntry[]>
  readonly repeats: readonly RepeatCount[]
}

/**
 * Reads journal rows of one lane in the order of their ids. A batch the writer's state already covers is skipped, so
 * one that was appended twice counts once; a gap, a forged seal and an unreadable record go to the operator's trail.
 *
 * @param rows rows of one lane, by ascending id
 * @param before state of every writer in `rows` that has one
 */
export function readJournal(
  rows: readonly JournalRow[],
  before: ReadonlyMap<string, WriterState>,
  options: { readonly secret: string; now(): number; newId(now: number): string },
): ReadJournal {
  const states = new Map<string, WriterState>()
  const entries = new Map<string, TrailEntry[]>()
  const repeats: RepeatCount[] = []
  const usageKeys: UsageKey[] = []

  const add = (line: string, record: JournalRecord): void => {
    if (record.repeat) {
      repeats.push({
        tenant: record.tenant,
        at: record.repeat.at,
        of: record.repeat.of,
        count: record.repeat.count,
      })
      return
    }
    const list = entries.get(record.tenant)
    if (list) list.push({ line, record })
    else entries.set(record.tenant, [{ line, record }])
    for (const event of record.events) {
      const usage = usageOf(event)
      if (usage?.key !== undefined) {
        usageKeys.push({ tenant: record.tenant, meter: usage.meter, key: ledgerKey(usage.key) })
      }
    }
  }
  const alarm = (action: string, metadata: JournalEvent['metadata'] & object): void => {
    const at = options.now()
    const record: JournalRecord = {
      id: options.newId(at),
      tenant: PLATFORM,
      at,
      actor: { type: 'system', id: 'throughline' },
      events: [{ action, outcome: 'failure', notable: true, metadata }],
    }
    add(JSON.stringify(record), record)
  }

  for (const row of rows) {
    const state = states.get(row.writer) ?? before.get(row.writer) ?? { seq: 0, mac: '' }
    if (!sealHolds(options.secret, row)) {
      alarm('journal.forged', { writer: row.writer, sequence: row.seq, row: row.id })
      continue
    }
    if (row.seq <= state.seq) continue
    if (row.seq !== state.seq + 1) {
      alarm('journal.gap', { writer: row.writer, after: state.seq, before: row.seq })
    } else if (row.prev !== state.mac) {
      alarm('journal.forged', { writer: row.writer, sequence: row.seq, row: row.id, link: 'broken' })
      continue
    }
    states.set(row.writer, { seq: row.seq, mac: row.mac })
    for (const line of batchLines(row.body)) {
      const record = recordOf(line)
      if (record) add(line, record)
      else alarm('journal.unreadable', { writer: row.writer, sequence: row.seq, row: row.id })
    }
  }
  const writers = new Map([...states].filter(([writer]) => !isTransactionWriter(writer)))
  return { tenants: [...entries.keys()], usageKeys, writers, entries, repeats }
}

const EVENTS = ',"events":'
const MAX_ROUTINE = 1_000
const MAX_ROUTINE_LENGTH = 2_000
/** Events of records by their text: what a route does is the same text from request to request, and long to parse. */
const routineEvents = new Map<string, readonly JournalEvent[]>()

/** The record of a line, if it is one: a single one that is not must not stop the lane for good. */
function recordOf(line: string): JournalRecord | undefined {
  try {
    // In a JSON string its quotes would be escaped, and all that may hold such a key comes after it.
    const at = line.indexOf(EVENTS)
    if (at < 0) return undefined
    const found = JSON.parse(`${line.slice(0, at)}}`) as Partial<JournalRecord> & { events?: readonly JournalEvent[] }
    if (typeof found.tenant !== 'string' || typeof found.at !== 'number' || typeof found.id !== 'string')
      return undefined
    if (typeof found.actor?.id !== 'string') return undefined
    const rest = line.slice(at + EVENTS.length)
    const events = routineEvents.get(rest)
    if (events) {
      found.events = events
      return found as JournalRecord
    }
    const { events: read, repeat } = JSON.parse(`{"events":${rest}`) as Partial<JournalRecord>
    if (!Array.isArray(read) || !read.every((event) => typeof event?.action === 'string')) return undefined
    found.events = read
    if (repeat === undefined) {
      remember(rest, read)
      return found as JournalRecord
    }
    const counts = typeof repeat.of === 'string' && typeof repeat.at === 'number' && typeof repeat.count === 'number'
    return counts ? ({ ...found, repeat } as JournalRecord) : undefined
  } catch {
    return undefined
  }
}

function remember(text: string, events: readonly JournalEvent[]): void {
  if (text.length > MAX_ROUTINE_LENGTH) return
  if (routineEvents.size >= MAX_ROUTINE) routineEvents.clear()
  // A copy: a slice would keep the whole batch it is of.
  routineEvents.set(Buffer.from(text).toString(), events)
}
