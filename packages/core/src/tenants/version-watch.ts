import type { RecordsStore, ScopeVersion } from '../storage/records.ts'

const POLL_MS = 1_000
/** Changes are looked for this far before the last look: commits become visible out of order, and clocks differ. */
const LOOK_BACK_MS = 30_000
const SWEEP_MS = 60_000
const SWEEP_SCOPES = 500

export interface VersionWatchOptions {
  readonly versions: RecordsStore['versions']
  now(): number
  /** Everything cached, by scope. */
  cached(): Iterable<ScopeVersion>
  /** This scope's state is not the cached one any more. */
  onChange(scope: string): void
  onFailure(error: unknown): void
}

/**
 * Sees other processes' changes by comparing version numbers, never by a position in a feed: every second those that
 * changed lately, every minute all that are cached.
 */
export class VersionWatch {
  readonly #options: VersionWatchOptions
  #timer: NodeJS.Timeout | undefined
  #sweptAt = 0
  #confirmedAt = 0
  #closed = false

  constructor(options: VersionWatchOptions) {
    this.#options = options
  }

  /** ms: everything cached was current then. */
  get confirmedAt(): number {
    return this.#confirmedAt
  }

  start(): void {
    this.#sweptAt = this.#options.now()
    this.#confirmedAt = this.#sweptAt
    this.#schedule()
  }

  stop(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Compares once. */
  async poll(): Promise<void> {
    const { now, versions, cached, onChange } = this.#options
    const at = now()
    const known = new Map<string, number>()
    for (const { scope, version } of cached()) known.set(scope, version)
    const found: ScopeVersion[] = []
    if (at - this.#sweptAt >= SWEEP_MS) {
      const scopes = [...known.keys()]
      for (let i = 0; i < scopes.length; i += SWEEP_SCOPES) {
        found.push(...(await versions({ scopes: scopes.slice(i, i + SWEEP_SCOPES) })))
      }
      this.#sweptAt = at
    } else found.push(...(await versions({ since: Math.min(at, this.#confirmedAt) - LOOK_BACK_MS })))
    for (const { scope, version } of found) {
      const cachedVersion = known.get(scope)
      if (cachedVersion !== undefined && cachedVersion < version) onChange(scope)
    }
    this.#confirmedAt = at
  }

  #schedule(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.poll()
        .catch(this.#options.onFailure)
        .finally(() => this.#schedule())
    }, POLL_MS)
    this.#timer.unref()
  }
}
