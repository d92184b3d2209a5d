import { isRefusal } from './failure.ts'
import { quietSlots, SLOT_MS } from './journal-slots.ts'
import type { PostgresConnection } from './pool.ts'

/** A partition that takes less is left as it is: to empty one makes new files, and others plan anew. */
const LEAST_BYTES = 256 * 1_024
/** ms between two looks. */
const PAUSE_MS = 1_000

/** Gives back the place of what was projected, a partition at a time, while nobody appends to it. */
export class JournalCleaner {
  #lookedAt: number | undefined
  #window = -1
  /** What is done with until the clock has moved on to the next slot. */
  readonly #done = new Set<number>()

  /** Does nothing most of the times. To be called outside of a transaction. */
  async clean(connection: PostgresConnection, now: number): Promise<void> {
    if (this.#lookedAt !== undefined && Math.abs(now - this.#lookedAt) < PAUSE_MS) return
    this.#lookedAt = now
    const window = Math.floor(now / SLOT_MS)
    if (window !== this.#window) this.#done.clear()
    this.#window = window
    for (const slot of quietSlots(now)) {
      if (!this.#done.has(slot) && (await isClean(connection, slot))) this.#done.add(slot)
    }
  }
}

async function isClean(connection: PostgresConnection, slot: number): Promise<boolean> {
  try {
    const row = await connection.get<{ state: string }>('SELECT throughline_empty($1, $2) AS state', slot, LEAST_BYTES)
    return row?.state !== 'busy'
  } catch (error) {
    // What was projected is committed already: that the journal takes more place than it must is not its failure.
    if (isRefusal(error)) return true
    throw error
  }
}
