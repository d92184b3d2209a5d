import { LRUCache } from 'lru-cache'
import { inTime } from '../in-time.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { isPromise } from '../maybe-promise.ts'

/** Up to this age an entry is served as it is. */
const FRESH_MS = 1_000
/** Up to this age it is served while a newer one is loaded; past it the caller waits. */
const SERVED_MS = 2_000

/** No generation: what stands in is loaded anew as soon as that can be, also when nothing has changed. */
const STANDS_IN = -1
/** Whoever finds what stands in waits so long for the database, ms: the one before has waited until it failed. */
const PATIENCE_MS = 50

export interface SnapshotCacheOptions<S> {
  readonly max: number
  /** How long the last known state stands in while the database does not answer, ms. */
  readonly maxStaleMs: number
  now(): number
  /** Comes before each load; what it outdates does not concern that load. */
  prepare(): MaybePromise<unknown>
  load(id: string): Promise<S | undefined>
  /** ms: when all cached entries were last known to be current; 0 if only loading tells. */
  confirmedAt(): number
  /** The same entry, marked as not confirmed lately, with what is known without the database. */
  stale(snapshot: S): S
  onFailure(error: unknown): void
}

interface Entry<S> {
  readonly snapshot: S
  readonly loadedAt: number
  readonly generation: number
}

/** A load that is under way. */
interface Load<S> {
  /** It has read something. */
  began: boolean
  snapshot: Promise<S | undefined>
}

/**
 * Snapshots by tenant, bounded. A hot tenant never waits: it is renewed in the background. Tenants that do not exist
 * are remembered too, apart, so that made-up ids can't push out real ones.
 */
export class SnapshotCache<S extends { readonly validUntil?: number }> {
  readonly #options: SnapshotCacheOptions<S>
  readonly #entries: LRUCache<string, Entry<S>>
  readonly #unknown: LRUCache<string, number>
  readonly #loading = new Map<string, Load<S>>()
  /** Entries of an earlier one are loaded anew, and stand in while the database does not answer. */
  #generation = 0

  constructor(options: SnapshotCacheOptions<S>) {
    this.#options = options
    this.#entries = new LRUCache({ max: options.max })
    this.#unknown = new LRUCache({ max: options.max })
  }

  /** The tenant's snapshot, at most 2 s behind; `undefined` if there is no such tenant. Synchronous when cached. */
  get(id: string): MaybePromise<S | undefined> {
    const now = this.#options.now()
    const entry = this.#entries.get(id)
    const { validUntil } = entry?.snapshot ?? {}
    if (entry?.generation === this.#generation && (validUntil === undefined || validUntil > now)) {
      const confirmed = this.#options.confirmedAt()
      const age = now - Math.max(confirmed, entry.loadedAt)
      if (age <= FRESH_MS) return entry.snapshot
      if (age <= SERVED_MS) {
        if (confirmed === 0) this.#renew(id)
        return entry.snapshot
      }
      return this.#loadOr(id, entry)
    }
    if (entry) return this.#loadOr(id, entry)
    const unknownSince = this.#unknown.get(id)
    if (unknownSince !== undefined && now - unknownSince <= SERVED_MS) return undefined
    return this.#load(id)
  }

  /** ms: when what is cached of a tenant was last known to be current; `undefined` if nothing is. */
  confirmedAt(id: string): number | undefined {
    const entry = this.#entries.peek(id)
    return entry && Math.max(entry.loadedAt, this.#options.confirmedAt())
  }

  /** Loads it anew, whatever is cached; the last known state while the database does not answer. */
  async reload(id: string): Promise<S | undefined> {
    // A load that is under way may have begun before the change that the caller asks for.
    this.#loading.delete(id)
    const entry = this.#entries.get(id)
    return entry ? this.#loadOr(id, entry, true) : this.#load(id)
  }

  invalidate(id: string): void {
    this.#entries.delete(id)
    this.#unknown.delete(id)
    this.#loading.delete(id)
  }

  /** Something that is in all of them changed. */
  outdate(): void {
    this.#generation += 1
    this.#unknown.clear()
    for (const [id, { began }] of this.#loading) if (began) this.#loading.delete(id)
  }

  /** Ids and snapshots that are cached now. */
  *entries(): Generator<[string, S]> {
    for (const [id, entry] of this.#entries.entries()) yield [id, entry.snapshot]
  }

  #renew(id: string): void {
    this.#load(id).catch(this.#options.onFailure)
  }

  /** @param waits for as long as the database takes to fail */
  async #loadOr(id: string, entry: Entry<S>, waits = entry.generation !== STANDS_IN): Promise<S | undefined> {
    const load = this.#load(id)
    try {
      return await (waits ? load : inTime(PATIENCE_MS, 'The database', load))
    } catch (error) {
      const current = Math.max(entry.loadedAt, this.#options.confirmedAt())
      // Nothing may stand in any more: the database's own answer, whatever it is.
      if (this.#options.now() - current > this.#options.maxStaleMs) return load
      this.#options.onFailure(error)
      const snapshot = this.#options.stale(entry.snapshot)
      // What was forgotten or loaded anew meanwhile stays so.
      if (this.#entries.peek(id) === entry) this.#entries.set(id, { ...entry, snapshot, generation: STANDS_IN })
      return snapshot
    }
  }

  #load(id: string): Promise<S | undefined> {
    const under = this.#loading.get(id)
    if (under) return under.snapshot
    const startedAt = this.#options.now()
    const load: Load<S> = { began: false, snapshot: Promise.resolve(undefined) }
    this.#loading.set(id, load)
    load.snapshot = this.#begun(id, load)
      .then((snapshot) => {
        // A load that began before an invalidation must not bring the old state back.
        if (this.#loading.get(id) !== load) return snapshot
        if (snapshot) this.#entries.set(id, { snapshot, loadedAt: startedAt, generation: this.#generation })
        else {
          this.#entries.delete(id)
          this.#unknown.set(id, startedAt)
        }
        return snapshot
      })
      .finally(() => {
        if (this.#loading.get(id) === load) this.#loading.delete(id)
      })
    return load.snapshot
  }

  async #begun(id: string, load: Load<S>): Promise<S | undefined> {
    const prepared = this.#options.prepare()
    if (isPromise(prepared)) await prepared
    load.began = true
    return this.#options.load(id)
  }
}
