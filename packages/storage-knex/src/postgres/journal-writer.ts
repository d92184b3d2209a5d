import type { JournalBatch } from '@throughline/core/storage'
import { sealBatch } from '@throughline/core/storage'
import { unavailable } from './failure.ts'
import { otherKey, printOf } from './journal-key.ts'
import { slotOf } from './journal-slots.ts'
import type { PostgresConnection, PostgresPool } from './pool.ts'

/** Writers whose newest batch is remembered; beyond it all are looked up again. */
const MAX_KNOWN = 1_000
/** A batch that finds another one before it than it expected is sealed anew, this many times. */
const ATTEMPTS = 4

/** A stream's newest batch. */
export interface Newest {
  readonly seq: number
  readonly mac: string
}

interface Appended {
  readonly added: boolean
  readonly seq: number | null
  readonly mac: string | null
  readonly print: string | null
}

/**
 * Of a writer whose chain is known to end just before. Nothing is looked up but the key: beside a long transaction the
 * writer's projected rows are still there to be stepped over, more of them with every batch.
 */
const APPEND_NEXT = `INSERT INTO throughline_journal (slot, lane, writer, seq, prev, mac, appended_at, body)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE (SELECT w.mac FROM throughline_writers AS w WHERE w.writer = '$key') = $9
ON CONFLICT (writer, seq, slot) DO NOTHING
RETURNING true AS added`

/**
 * One statement: looks where the writer's chain ends and appends the batch if it follows on. It answers what it found,
 * so that a batch which does not follow on can be passed over, or be sealed anew.
 */
const APPEND = `WITH newest AS MATERIALIZED (
  SELECT n.seq, n.mac FROM (
    (SELECT j.seq, j.mac FROM throughline_journal AS j WHERE j.writer = $3 ORDER BY j.seq DESC LIMIT 1)
    UNION ALL
    (SELECT w.seq, w.mac FROM throughline_writers AS w WHERE w.writer = $3)
  ) AS n ORDER BY n.seq DESC LIMIT 1
), key AS MATERIALIZED (SELECT w.mac FROM throughline_writers AS w WHERE w.writer = '$key'),
appended AS (
  INSERT INTO throughline_journal (slot, lane, writer, seq, prev, mac, appended_at, body)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8
  WHERE coalesce((SELECT seq FROM newest), 0) < $4 AND coalesce((SELECT mac FROM newest), '') = $5
    AND (SELECT mac FROM key) = $9
  ON CONFLICT (writer, seq, slot) DO NOTHING
  RETURNING id
)
SELECT EXISTS (SELECT FROM appended) AS added, (SELECT seq FROM newest) AS seq, (SELECT mac FROM newest) AS mac,
  (SELECT mac FROM key) AS print`

/** Appends batches to the journal, each in one round trip: the seal before is remembered, and checked by the statement. */
export class JournalWriter {
  readonly #pool: PostgresPool
  readonly #secret: string
  readonly #print: string
  readonly #now: () => number
  readonly #newest = new Map<string, Newest>()

  constructor(pool: PostgresPool, secret: string, now: () => number) {
    this.#pool = pool
    this.#secret = secret
    this.#print = printOf(secret)
    this.#now = now
  }

  /** Appends one batch as one row; a batch that is there already, projected or not, is passed over. */
  append(batch: JournalBatch): Promise<void> {
    const known = this.#newest.get(batch.writer)
    // Where this one fails it is not known whether the chain ends with it.
    this.#newest.delete(batch.writer)
    return this.#pool.use((connection) => this.#append(connection, batch, known))
  }

  async #append(connection: PostgresConnection, batch: JournalBatch, known: Newest | undefined): Promise<void> {
    const { writer, seq, lane, body } = batch
    let prev = known?.mac ?? ''
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const mac = sealBatch(this.#secret, { writer, seq, prev, body })
      const isNext = attempt === 1 && known?.seq === seq - 1
      const row = [slotOf(batch.at), lane, writer, seq, prev, mac, this.#now(), body, this.#print]
      const found = await connection.get<Appended>(isNext ? APPEND_NEXT : APPEND, ...row)
      if (found?.added) {
        this.#remember(writer, { seq, mac })
        return
      }
      if (isNext) continue
      if (found?.print !== this.#print) throw otherKey()
      if (found.seq !== null && found.mac !== null && found.seq >= seq) {
        this.#remember(writer, { seq: found.seq, mac: found.mac })
        return
      }
      prev = found.mac ?? ''
    }
    throw unavailable('A journal batch found no place at the end of its chain.')
  }

  #remember(writer: string, newest: Newest): void {
    if (this.#newest.size >= MAX_KNOWN) this.#newest.clear()
    this.#newest.set(writer, newest)
  }
}
