import { LRUCache } from 'lru-cache'
import { inTime } from '../in-time.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { isPromise } from '../maybe-promise.ts'
import { RunsAnew } from './runs-anew.ts'

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
  /** ms: when its load began. */
  readonly loadedAt: number
  /** ms: when its load ended. */
  readonly cachedAt: number
  readonly generation: number
}

/** A load that is under way. */
interface Load<S> {
  readonly id: string
  /** ms */
  readonly startedAt: number
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
  /** The newest load of each tenant, which others join. */
  readonly #loading = new Map<string, Load<S>>()
  /** Loads whose answers will be kept: nothing has made them old meanwhile. */
  readonly #kept = new Set<Load<S>>()
  readonly #reloads = new RunsAnew<S | undefined>()
  /** Entries of an earlier one are loaded anew, and stand in while the database does not answer. */
  #generation = 0
  /** The last one that stood in. */
  #stoodIn: string | undefined

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
      const age = now - this.#currentAt(entry)
      if (age <= FRESH_MS) return entry.snapshot
      if (age <= SERVED_MS) {
        if (this.#options.confirmedAt() === 0) this.#renew(id)
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
    return entry && this.#currentAt(entry)
  }

  /** Loads it anew, whatever is cached; the last known state while the database does not answer. */
  async reload(id: string): Promise<S | undefined> {
    const entry = this.#entries.get(id)
    const load = this.#reloads.ask(id, () => this.#loadAnew(id))
    return entry ? this.#orStandIn(id, entry, load, load) : load
  }

  /** Whether nothing stands in any more. The last one that did is loaded anew to find out, for nobody may ask for it. */
  async isCurrent(): Promise<boolean> {
    const id = this.#stoodIn
    const entry = id === undefined ? undefined : this.#entries.peek(id)
    if (id === undefined || entry?.generation !== STANDS_IN || this.#isTooOld(entry)) return true
    try {
      await inTime(PATIENCE_MS, 'The database', this.#load(id))
      return true
    } catch (error) {
      this.#options.onFailure(error)
      return false
    }
  }

  invalidate(id: string): void {
    this.#entries.delete(id)
    this.#unknown.delete(id)
    // A load that began before an invalidation must not bring the old state back.
    this.#disown(({ id: other }) => other === id)
  }

  /** Something that is in all of them changed. */
  outdate(): void {
    this.#generation += 1
    this.#unknown.clear()
    this.#disown(({ began }) => began)
  }

  /** Ids and snapshots that are cached now. */
  *entries(): Generator<[string, S]> {
    for (const [id, entry] of this.#entries.entries()) yield [id, entry.snapshot]
  }

  /** ms: when it was last known to be current. What was not cached yet when the others were compared was not compared. */
  #currentAt({ loadedAt, cachedAt }: Entry<S>): number {
    const confirmed = this.#options.confirmedAt()
    return confirmed > cachedAt ? confirmed : loadedAt
  }

  /** It may not stand in any more. */
  #isTooOld(entry: Entry<S>): boolean {
    return this.#options.now() - this.#currentAt(entry) > this.#options.maxStaleMs
  }

  #renew(id: string): void {
    this.#load(id).catch(this.#options.onFailure)
  }

  /** Waits for as long as the database takes to fail, unless something stands in already. */
  #loadOr(id: string, entry: Entry<S>): Promise<S | undefined> {
    const load = this.#load(id)
    const waits = entry.generation !== STANDS_IN
    return this.#orStandIn(id, entry, load, waits ? load : inTime(PATIENCE_MS, 'The database', load))
  }

  /** @param answer of the load, as long as it is waited for */
  async #orStandIn(
    id: string,
    entry: Entry<S>,
    load: Promise<S | undefined>,
    answer: Promise<S | undefined>,
  ): Promise<S | undefined> {
    try {
      return await answer
    } catch (error) {
      // Nothing may stand in any more: the database's own answer, whatever it is.
      if (this.#isTooOld(entry)) return load
      this.#options.onFailure(error)
      this.#stoodIn = id
      const snapshot = this.#options.stale(entry.snapshot)
      // What was forgotten or loaded anew meanwhile stays so.
      if (this.#entries.peek(id) === entry) this.#entries.set(id, { ...entry, snapshot, generation: STANDS_IN })
      return snapshot
    }
  }

  #loadAnew(id: string): Promise<S | undefined> {
    // A load that is under way may have begun before the change that is asked for.
    this.#disown(({ id: other }) => other === id)
    return this.#load(id)
  }

  #load(id: string): Promise<S | undefined> {
    const under = this.#loading.get(id)
    const startedAt = this.#options.now()
    // One that takes long may have read what was there before a change that must be seen by now.
    if (under && startedAt - under.startedAt <= SERVED_MS) return under.snapshot
    this.#giveUp(startedAt - this.#options.maxStaleMs)
    const load: Load<S> = { id, startedAt, began: false, snapshot: Promise.resolve(undefined) }
    this.#loading.set(id, load)
    this.#kept.add(load)
    load.snapshot = this.#begun(id, load)
      .then((snapshot) => {
        if (this.#kept.has(load)) this.#keep(load, snapshot)
        return snapshot
      })
      .finally(() => this.#drop(load))
    return load.snapshot
  }

  #keep(load: Load<S>, snapshot: S | undefined): void {
    const { id, startedAt } = load
    this.#dropBefore(load)
    if (snapshot) {
      const cachedAt = this.#options.now()
      this.#entries.set(id, { snapshot, loadedAt: startedAt, cachedAt, generation: this.#generation })
    } else {
      this.#entries.delete(id)
      this.#unknown.set(id, startedAt)
    }
  }

  /** Nobody joins these any more, and what they answer is kept for nobody else. */
  #disown(isOld: (load: Load<S>) => boolean): void {
    for (const load of this.#kept) if (isOld(load)) this.#drop(load)
  }

  /** What began before it must not replace what it has found, however late it is answered. */
  #dropBefore(load: Load<S>): void {
    for (const earlier of this.#kept) {
      // They began one after the other.
      if (earlier === load) return
      if (earlier.id === load.id) this.#drop(earlier)
    }
  }

  /** What the app never answers must not be remembered for ever. */
  #giveUp(before: number): void {
    for (const load of this.#kept) {
      // They began one after the other.
      if (load.startedAt >= before) return
      this.#drop(load)
    }
  }

  #drop(load: Load<S>): void {
    this.#kept.delete(load)
    if (this.#loading.get(load.id) === load) this.#loading.delete(load.id)
  }

  async #begun(id: string, load: Load<S>): Promise<S | undefined> {
    const prepared = this.#options.prepare()
    if (isPromise(prepared)) await prepared
    load.began = true
    return this.#options.load(id)
  }
}
