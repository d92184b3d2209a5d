import { createHash } from 'node:crypto'
import type { JournalRecord } from './journal-record.ts'

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

/** A record, and the text it is kept as. */
export interface TrailEntry {
  readonly line: string
  readonly record: JournalRecord
}

/** Hash of a segment over all that it holds and the segment before it: SHA-256, base64url. */
export function segmentHash(segment: Pick<Segment, 'tenant' | 'firstSeq' | 'prev' | 'body'>): string {
  return createHash('sha256')
    .update(`${JSON.stringify(segment.tenant)}\n${segment.firstSeq}\n${segment.prev}\n`)
    .update(segment.body)
    .digest('base64url')
}

/** The next segment of a trail. */
export function sealSegment(tenant: string, head: TrailHead, entries: readonly TrailEntry[]): Segment {
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
