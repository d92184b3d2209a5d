import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { PLATFORM } from '../vocabulary.ts'
import type { JournalEvent, JournalRecord } from './journal-record.ts'
import { batchLines } from './journal-record.ts'

/** Records of one segment at the most: a page of the timeline never has to read much more than it shows. */
const SEGMENT_RECORDS = 500
const HOUR = 3_600_000

/** A journal row as it is stored. */
export interface JournalRow {
  readonly id: number
  readonly writer: string
  readonly seq: number
  /** Seal of the writer's previous batch, `''` for its first. */
  readonly prev: string
  readonly mac: string
  readonly body: string
}

/** What the projector knows of a writer: its last projected batch. */
export interface WriterState {
  readonly seq: number
  readonly mac: string
}

/** Where a tenant's trail ends: its last sequence number and the hash of its last segment. */
export interface TrailHead {
  readonly seq: number
  readonly hash: string
}

/** Consecutive records of one tenant's trail, stored as one row. Append-only. */
export interface Segment {
  readonly tenant: string
  readonly firstSeq: number
  readonly count: number
  /** Earliest and latest `at` of its records, ms. */
  readonly from: number
  readonly to: number
  /** A JSON array of {@link JournalRecord}, one a line; record i has sequence `firstSeq + i`. */
  readonly body: string
  /** Hash of the tenant's previous segment, `''` for the first. */
  readonly prev: string
  readonly hash: string
}

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

export interface RepeatCount {
  readonly tenant: string
  /** `at` of the record that is repeated, ms. */
  readonly at: number
  /** Its id. */
  readonly of: string
  readonly count: number
}

export interface LedgerEntry {
  readonly tenant: string
  readonly meter: string
  /** `k:<the app's key>`, or `s:<sequence>.<hour>` for unkeyed usage of one segment. Unique per tenant and meter. */
  readonly key: string
  /** Start of the hour, ms. */
  readonly hour: number
  readonly quantity: number
  readonly count: number
}

export interface UsageRollup {
  readonly tenant: string
  readonly meter: string
  readonly hour: number
  readonly quantity: number
  readonly count: number
}

/** Units of a hard quota that a duplicate had taken and that go back to the counter. */
export interface GiveBack {
  readonly tenant: string
  readonly meter: string
  readonly period: string
  readonly quantity: number
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
  readonly giveBacks: readonly GiveBack[]
  readonly writers: ReadonlyMap<string, WriterState>
}

export interface UsageKey {
  readonly tenant: string
  readonly meter: string
  readonly key: string
}

/** Journal rows, read: what a storage has to look up before {@link foldJournal}. */
export interface ReadJournal {
  /** Tenants whose trail heads are needed. */
  readonly tenants: readonly string[]
  /** Keys of which the ledger must be asked whether it has them. */
  readonly usageKeys: readonly UsageKey[]
  readonly writers: ReadonlyMap<string, WriterState>
  readonly entries: ReadonlyMap<string, readonly Entry[]>
  readonly repeats: readonly RepeatCount[]
}

interface Entry {
  readonly line: string
  readonly record: JournalRecord
}

/**
 * The seal of a batch: HMAC-SHA-256 (RFC 2104) over writer, sequence, the seal before and the body, as base64url.
 * Whoever can write to the database but lacks the key can neither change, nor add, nor remove a batch unnoticed.
 */
export function sealBatch(secret: string, batch: Pick<JournalRow, 'writer' | 'seq' | 'prev' | 'body'>): string {
  return createHmac('sha256', secret)
    .update(`${batch.writer}\n${batch.seq}\n${batch.prev}\n`)
    .update(batch.body)
    .digest('base64url')
}

/** One key for a ledger look-up, unambiguous whatever the parts hold. */
export function usageKeyId(key: UsageKey): string {
  return JSON.stringify([key.tenant, key.meter, key.key])
}

/** The ledger's form of an app's idempotency key. */
export function ledgerKey(appKey: string): string {
  return `k:${appKey}`
}

/**
 * Reads journal rows of one lane in the order of their ids. A batch the writer's state already covers is skipped, so
 * one that was appended twice counts once; a gap, a forged seal and an unreadable record go to the operator's trail.
 *
 * @param rows rows of one lane, by ascending id
 * @param writers state of every writer in `rows` that has one
 */
export function readJournal(
  rows: readonly JournalRow[],
  writers: ReadonlyMap<string, WriterState>,
  options: { readonly secret: string; now(): number; newId(now: number): string },
): ReadJournal {
  const states = new Map<string, WriterState>()
  const entries = new Map<string, Entry[]>()
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
    const state = states.get(row.writer) ?? writers.get(row.writer) ?? { seq: 0, mac: '' }
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
  return { tenants: [...entries.keys()], usageKeys, writers: states, entries, repeats }
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
  const ledger = new Map<string, LedgerEntry>()
  const rollups = new Map<string, UsageRollup>()
  const giveBacks: GiveBack[] = []
  let records = 0

  for (const [tenant, entries] of read.entries) {
    let head = state.heads.get(tenant) ?? { seq: 0, hash: '' }
    for (let start = 0; start < entries.length; start += SEGMENT_RECORDS) {
      const part = entries.slice(start, start + SEGMENT_RECORDS)
      const segment = sealSegment(tenant, head, part)
      part.forEach(({ record }, i) => {
        record.events.forEach((event, index) => {
          if (event.notable) notable.push(noteEvent(record, segment.firstSeq + i, event, index))
          count(record, event, segment.firstSeq)
        })
      })
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
    ledger: [...ledger.values()],
    rollups: [...rollups.values()],
    giveBacks,
    writers: read.writers,
  }

  function count(record: JournalRecord, event: JournalEvent, firstSeq: number): void {
    const usage = usageOf(event)
    if (!usage) return
    const { meter, quantity } = usage
    const { tenant } = record
    const hour = Math.floor((record.at + (event.after ?? 0)) / HOUR) * HOUR
    const times = event.count ?? 1
    const key = usage.key === undefined ? `s:${firstSeq}.${hour}` : ledgerKey(usage.key)
    const id = usageKeyId({ tenant, meter, key })
    const known = ledger.get(id)
    if (usage.key !== undefined && (known || state.counted.has(id))) {
      if (usage.period) giveBacks.push({ tenant, meter, period: usage.period, quantity })
      return
    }
    ledger.set(id, plus(known, { tenant, meter, key, hour, quantity: quantity * times, count: times }))
    const bucket = usageKeyId({ tenant, meter, key: String(hour) })
    rollups.set(bucket, plus(rollups.get(bucket), { tenant, meter, hour, quantity: quantity * times, count: times }))
  }
}

/** Hash of a segment over all that it holds and the segment before it: SHA-256, base64url. */
export function segmentHash(segment: Pick<Segment, 'tenant' | 'firstSeq' | 'prev' | 'body'>): string {
  return createHash('sha256')
    .update(`${JSON.stringify(segment.tenant)}\n${segment.firstSeq}\n${segment.prev}\n`)
    .update(segment.body)
    .digest('base64url')
}

/** The record of a line, if it is one: a single one that is not must not stop the lane for good. */
function recordOf(line: string): JournalRecord | undefined {
  try {
    const found = JSON.parse(line) as Partial<JournalRecord> | null
    if (typeof found?.tenant !== 'string' || typeof found.at !== 'number' || typeof found.id !== 'string')
      return undefined
    if (typeof found.actor?.id !== 'string' || !Array.isArray(found.events)) return undefined
    if (!found.events.every((event) => typeof event?.action === 'string')) return undefined
    const { repeat } = found
    const counts = typeof repeat?.of === 'string' && typeof repeat.at === 'number' && typeof repeat.count === 'number'
    return repeat === undefined || counts ? (found as JournalRecord) : undefined
  } catch {
    return undefined
  }
}

function sealSegment(tenant: string, head: TrailHead, entries: readonly Entry[]): Segment {
  let from = Number.POSITIVE_INFINITY
  let to = 0
  for (const { record } of entries) {
    if (record.at < from) from = record.at
    if (record.at > to) to = record.at
  }
  const open = {
    tenant,
    firstSeq: head.seq + 1,
    count: entries.length,
    from,
    to,
    body: `[${entries.map((entry) => entry.line).join(',\n')}]`,
    prev: head.hash,
  }
  return { ...open, hash: segmentHash(open) }
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

function usageOf(event: JournalEvent): { meter: string; quantity: number; key?: string; period?: string } | undefined {
  if (event.action !== 'usage.recorded') return undefined
  const meter = event.targets?.[0]?.id
  const quantity = event.metadata?.quantity
  if (meter === undefined || typeof quantity !== 'number') return undefined
  const key = event.metadata?.key
  const period = event.metadata?.quotaPeriod
  return {
    meter,
    quantity,
    ...(typeof key === 'string' && { key }),
    ...(typeof period === 'string' && { period }),
  }
}

function plus<T extends { readonly quantity: number; readonly count: number }>(sum: T | undefined, next: T): T {
  return sum ? { ...sum, quantity: sum.quantity + next.quantity, count: sum.count + next.count } : next
}

function sealHolds(secret: string, row: JournalRow): boolean {
  const expected = Buffer.from(sealBatch(secret, row))
  const found = Buffer.from(row.mac)
  return expected.length === found.length && timingSafeEqual(expected, found)
}
