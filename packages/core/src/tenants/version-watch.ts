import type { MaybePromise } from '../maybe-promise.ts'
import type { RecordsStore, ScopeVersion } from '../storage/records.ts'

const POLL_MS = 1_000
/** Notices that come close together are one look. */
const NOTICE_MS = 20
/** Changes of scopes that are not asked for are looked for this far before the last look: commits become visible late. */
const LOOK_BACK_MS = 30_000
const SWEEP_MS = 60_000
/** Scopes of one query. */
const SCOPES = 500

export interface VersionWatchOptions {
  readonly versions: RecordsStore['versions']
  /** Hints of the storage that there is something to see: they only bring the next look forward. */
  readonly notices?: RecordsStore['notices'] | undefined
  now(): number
  /** Everything cached, by scope: first the platform's, then what is used most. */
  cached(): Iterable<ScopeVersion>
  /** This scope's state is not the cached one any more. Until it resolves, what is cached does not count as confirmed. */
  onChange(scope: string): MaybePromise<void>
  /** All that is cached is current. */
  onConfirmed?(): void
  onFailure(error: unknown): void
}

/**
 * Sees other processes' changes by comparing version numbers, never by a position in a feed: every second those of the
 * scopes that are used most and of what changed lately, every minute all that are cached.
 */
export class VersionWatch {
  readonly #options: VersionWatchOptions
  #timer: NodeJS.Timeout | undefined
  #dueAt = 0
  #unsubscribe: (() => void) | undefined
  #polling = false
  #noticed = false
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
    this.#schedule(POLL_MS)
    this.#unsubscribe = this.#options.notices?.(() => this.#notice())
  }

  stop(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#unsubscribe?.()
  }

  /** Compares once. */
  async poll(): Promise<void> {
    const { now, cached, onChange } = this.#options
    const at = now()
    const known = new Map<string, number>()
    for (const { scope, version } of cached()) known.set(scope, version)
    const found = await this.#look([...known.keys()], at)
    // A lower one is another state too: a database that was restored, or a replica that took over, goes on from there.
    const changed = found.filter(({ scope, version }) => (known.get(scope) ?? version) !== version)
    await Promise.all(changed.map(({ scope }) => onChange(scope)))
    this.#confirmedAt = at
    this.#options.onConfirmed?.()
  }

  async #look(scopes: readonly string[], at: number): Promise<readonly ScopeVersion[]> {
    const { versions } = this.#options
    const sweeps = at - this.#sweptAt >= SWEEP_MS
    // The first are asked for each time: when they changed is said by the clock of whoever changed them.
    const found = [...(await versions({ scopes: scopes.slice(0, SCOPES) }))]
    if (!sweeps) {
      if (scopes.length <= SCOPES) return found
      const since = Math.min(at, this.#confirmedAt) - LOOK_BACK_MS
      return [...found, ...(await versions({ since }))]
    }
    for (let i = SCOPES; i < scopes.length; i += SCOPES) {
      found.push(...(await versions({ scopes: scopes.slice(i, i + SCOPES) })))
    }
    this.#sweptAt = at
    return found
  }

  #notice(): void {
    if (this.#polling) this.#noticed = true
    else if (performance.now() + NOTICE_MS < this.#dueAt) this.#schedule(NOTICE_MS)
  }

  #schedule(delay: number): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#dueAt = performance.now() + delay
    this.#timer = setTimeout(() => {
      this.#polling = true
      this.poll()
        .catch(this.#options.onFailure)
        .finally(() => {
          this.#polling = false
          this.#schedule(this.#noticed ? NOTICE_MS : POLL_MS)
          this.#noticed = false
        })
    }, delay)
    this.#timer.unref()
  }
}
