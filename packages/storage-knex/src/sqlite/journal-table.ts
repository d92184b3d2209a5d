import { sealBatch } from '@throughline/core/storage'
import type { Connection } from './connection.ts'
import { checkKey } from './journal-key.ts'

/** Writers whose newest batch is remembered; beyond it all are looked up again. */
const MAX_KNOWN = 1_000

interface Newest {
  readonly seq: number
  readonly mac: string
}

/**
 * Appends to the journal. Every method runs inside a transaction of the caller, who calls {@link begin} at its start
 * and {@link forget} when it was undone.
 */
export class JournalTable {
  readonly #connection: Connection
  readonly #secret: string
  readonly #newest = new Map<string, Newest>()
  #lastId: number | undefined
  #dataVersion: number | undefined

  constructor(connection: Connection, secret: string) {
    this.#connection = connection
    this.#secret = secret
  }

  /** Drops what is remembered if another connection wrote meanwhile, and looks whether the key is still the journal's. */
  begin(): void {
    const version = this.#connection.get<{ data_version: number }>('PRAGMA data_version')?.data_version
    if (version === this.#dataVersion) return
    checkKey(this.#connection, this.#secret)
    this.#dataVersion = version
    this.forget()
  }

  forget(): void {
    this.#newest.clear()
    this.#lastId = undefined
  }

  /** Appends one batch as one row; a batch that is there already, projected or not, is passed over. */
  append(writer: string, seq: number, lane: number, body: string, now: number): void {
    const newest = this.#newestOf(writer)
    if (newest && seq <= newest.seq) return
    const prev = newest?.mac ?? ''
    const mac = sealBatch(this.#secret, { writer, seq, prev, body })
    const id = (this.#lastId ?? this.#lastUsedId()) + 1
    this.#connection.run(
      'INSERT INTO throughline_journal (id, lane, writer, seq, prev, mac, appended_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      lane,
      writer,
      seq,
      prev,
      mac,
      now,
      body,
    )
    this.#lastId = id
    this.#newest.set(writer, { seq, mac })
  }

  /** Appends a batch with the next number of its writer. */
  appendNext(writer: string, lane: number, body: string, now: number): void {
    this.append(writer, (this.#newestOf(writer)?.seq ?? 0) + 1, lane, body, now)
  }

  #newestOf(writer: string): Newest | undefined {
    const known = this.#newest.get(writer)
    if (known) return known
    const found =
      this.#connection.get<Newest>(
        'SELECT seq, mac FROM throughline_journal WHERE writer = ? ORDER BY seq DESC LIMIT 1',
        writer,
      ) ?? this.#connection.get<Newest>('SELECT seq, mac FROM throughline_writers WHERE writer = ?', writer)
    if (found) {
      if (this.#newest.size >= MAX_KNOWN) this.#newest.clear()
      this.#newest.set(writer, found)
    }
    return found
  }

  /** A position is never given twice, not even once the journal was empty: readers wait for positions to pass. */
  #lastUsedId(): number {
    const row = this.#connection.get<{ id: number }>(
      `SELECT max(coalesce((SELECT max(id) FROM throughline_journal), 0),
        coalesce((SELECT max(position) FROM throughline_leases), 0)) AS id`,
    )
    return row?.id ?? 0
  }
}
