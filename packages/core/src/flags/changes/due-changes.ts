import type { StoredDocument } from '../../storage/records.ts'
import { readStoredFlag, waitingAt } from './stored-flag.ts'

/** What waiting for scheduled changes needs. */
export interface DueChangesOptions {
  now(): number
  /** Changes of these flags begin to hold. */
  onDue(keys: readonly string[]): void
}

/** Timers can't be set further ahead. */
const FURTHEST_MS = 2_147_483_647

/** Tells when scheduled changes begin to hold. That they do needs nobody to be told: snapshots go by the time. */
export class DueChanges {
  readonly #options: DueChangesOptions
  #timer: NodeJS.Timeout | undefined

  constructor(options: DueChangesOptions) {
    this.#options = options
  }

  /** @param documents of the platform, as they are now */
  look(documents: readonly StoredDocument[]): void {
    clearTimeout(this.#timer)
    const now = this.#options.now()
    const next = documents.flatMap(({ kind, key, value }) => {
      const [waiting] = kind === 'flags' ? waitingAt(readStoredFlag(value), now) : []
      return waiting ? [{ key, at: waiting.at }] : []
    })
    if (next.length === 0) return
    const at = Math.min(...next.map((change) => change.at))
    this.#timer = setTimeout(
      () => {
        const due = next.filter((change) => change.at <= this.#options.now())
        this.look(documents)
        if (due.length > 0) this.#options.onDue(due.map(({ key }) => key))
      },
      Math.min(at - now, FURTHEST_MS),
    ).unref()
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}
