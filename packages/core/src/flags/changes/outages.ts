/** What an outage is told by. */
export interface OutageOptions {
  now(): number
  /** Flags are served as they were last known. */
  onStale(): void
  /** They are current again. */
  onFresh(lastedMs: number): void
}

/** A state that flickers is one outage. */
const CALM_MS = 10_000

/**
 * Tells when flags begin to be served as they were last known, and when they are current again: once each, however many
 * contexts were entered in between.
 */
export class Outages {
  readonly #options: OutageOptions
  #since: number | undefined
  #lastStale = 0
  /** When all was current for the first time after that. */
  #freshAt: number | undefined

  constructor(options: OutageOptions) {
    this.#options = options
  }

  /** A tenant's last known state stood in. */
  stale(): void {
    this.#lastStale = this.#options.now()
    this.#freshAt = undefined
    if (this.#since !== undefined) return
    this.#since = this.#lastStale
    this.#options.onStale()
  }

  /** All that is cached was compared with the storage. */
  confirmed(): void {
    const now = this.#options.now()
    if (this.#since === undefined) return
    this.#freshAt ??= now
    if (now - this.#lastStale < CALM_MS) return
    const lasted = this.#freshAt - this.#since
    this.#since = undefined
    this.#options.onFresh(lasted)
  }
}
