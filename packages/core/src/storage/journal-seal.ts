import { createHmac, timingSafeEqual } from 'node:crypto'

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

/** Whether a row is what its writer appended. Compared in constant time. */
export function sealHolds(secret: string, row: JournalRow): boolean {
  const expected = Buffer.from(sealBatch(secret, row))
  const found = Buffer.from(row.mac)
  return expected.length === found.length && timingSafeEqual(expected, found)
}
