import { isPromise } from '../maybe-promise.ts'
import type { MaybePromise } from '../storage/limits.ts'
import type { DocumentKind, RecordsStore, ScopeVersion, StoredDocument } from '../storage/records.ts'
import { unavailable } from '../unavailable.ts'
import type { Tenant } from '../vocabulary.ts'
import { PLATFORM } from '../vocabulary.ts'
import { lookedUp } from './look-up.ts'
import { RunsAnew } from './runs-anew.ts'
import { SnapshotCache } from './snapshot-cache.ts'
import { VersionWatch } from './version-watch.ts'

/** How old the platform's documents may be, unless they are known to be current. */
const PLATFORM_MS = 2_000

/** The platform's documents, read at the start and when their version changes. */
export interface PlatformState {
  readonly version: number
  readonly documents: readonly StoredDocument[]
}

export interface VersionedSnapshot {
  readonly tenant: Tenant
  readonly version: number
  readonly stale: boolean
  /** ms: something it says ends then, an override for one. */
  readonly validUntil?: number
}

export interface TenantStateOptions<S extends VersionedSnapshot> {
  readonly records: Pick<RecordsStore, 'read' | 'versions' | 'notices'>
  /** Read with each tenant's snapshot. */
  readonly tenantKinds: readonly DocumentKind[]
  readonly platformKinds: readonly DocumentKind[]
  /** The app is asked for its tenants: our versions don't tell when a row changed. */
  readonly loadsFromApp: boolean
  readonly max: number
  readonly maxStaleMs: number
  now(): number
  /** The tenant itself, from the app or from its documents; `undefined` if there is none. */
  tenant(id: string, documents: readonly StoredDocument[]): MaybePromise<Tenant | undefined>
  snapshot(
    tenant: Tenant,
    documents: readonly StoredDocument[],
    version: number,
    platform: PlatformState,
  ): MaybePromise<S>
  /** A snapshot that stands in while the database does not answer: as it is now, as far as that is known. */
  stale?(snapshot: S, platform: PlatformState): S
  /** A snapshot stands in. */
  onStale?(): void
  /** All that is cached is current. */
  onConfirmed?(): void
  /** The platform's documents are others than they were; not told of the first ones. */
  onPlatformChange?(before: PlatformState, after: PlatformState): void
  /** A tenant's state changed: whatever else was cached of it is old. */
  onChange(tenantId: string): void
  onFailure(error: unknown): void
}

/** What is known of tenants in this process: their snapshots, renewed when this or another process changes them. */
export class TenantState<S extends VersionedSnapshot> {
  readonly #options: TenantStateOptions<S>
  readonly #snapshots: SnapshotCache<S>
  readonly #watch: VersionWatch
  #platform: PlatformState = { version: 0, documents: [] }
  /** ms: when it was read. */
  #platformAt = 0
  /** Reads of it that began, and which of them it is of. */
  #reads = 0
  #readOf = 0
  readonly #looks = new RunsAnew<void>()
  #renewing: { readonly startedAt: number; readonly done: Promise<void> } | undefined

  constructor(options: TenantStateOptions<S>) {
    this.#options = options
    const { now, onFailure, max, maxStaleMs, loadsFromApp } = options
    this.#watch = new VersionWatch({
      versions: (query) => options.records.versions(query),
      notices: options.records.notices?.bind(options.records),
      now,
      cached: () => this.#cachedVersions(),
      onChange: (scope) => this.changed(scope),
      onConfirmed: () => void this.#confirmed().catch(onFailure),
      onFailure,
    })
    this.#snapshots = new SnapshotCache({
      max,
      maxStaleMs,
      now,
      prepare: () => this.#confirmPlatform(),
      load: (id) => this.#load(id),
      confirmedAt: () => (loadsFromApp ? 0 : this.#watch.confirmedAt),
      stale: (snapshot) => this.#standIn(snapshot),
      onFailure,
    })
  }

  async start(): Promise<void> {
    if (this.#options.platformKinds.length > 0) this.#platform = await this.#readPlatform()
    if (this.#options.tenantKinds.length + this.#options.platformKinds.length > 0) this.#watch.start()
  }

  stop(): void {
    this.#watch.stop()
  }

  /** The platform's documents, as far as they are known. */
  get platform(): PlatformState {
    return this.#platform
  }

  /** At most 2 s behind; synchronous when cached; `undefined` if there is no such tenant. */
  get(id: string): MaybePromise<S | undefined> {
    return this.#snapshots.get(id)
  }

  /** ms: when the tenant's snapshot was last known to be current. */
  confirmedAt(id: string): number | undefined {
    return this.#snapshots.confirmedAt(id)
  }

  /** As it is now, the platform's definitions too; the last known state while the database does not answer. */
  async reload(id: string): Promise<S | undefined> {
    const known = this.#platform
    const looked = this.#looks.ask(PLATFORM, () => this.#lookAtPlatform()).catch(this.#options.onFailure)
    const [snapshot] = await Promise.all([this.#snapshots.reload(id), looked])
    return this.#platform === known ? snapshot : this.#snapshots.get(id)
  }

  /** This process committed a change. */
  async changed(scope: string): Promise<void> {
    if (scope === PLATFORM) {
      await this.#loadPlatform()
    } else {
      this.#snapshots.invalidate(scope)
      this.#options.onChange(scope)
    }
  }

  /** What is cached of tenants is made anew before it serves again. */
  outdate(): void {
    this.#snapshots.outdate()
  }

  /** Compares versions with the storage now, instead of at the next second. */
  poll(): Promise<void> {
    return this.#watch.poll()
  }

  async #load(id: string): Promise<S | undefined> {
    const { records, tenantKinds, tenant, snapshot } = this.#options
    const platform = this.#platform
    const { documents, version } =
      tenantKinds.length > 0
        ? await records.read({ tenant: id, kinds: tenantKinds }).catch(unavailable)
        : { documents: [], version: 0 }
    const answer = tenant(id, documents)
    const found = await (isPromise(answer) ? lookedUp(`The look-up of tenant "${id}"`, answer) : answer)
    return found && snapshot(found, documents, version, platform)
  }

  async #readPlatform(): Promise<PlatformState> {
    const { records, platformKinds, now } = this.#options
    const startedAt = now()
    const read = await records.read({ tenant: PLATFORM, kinds: platformKinds }).catch(unavailable)
    this.#platformAt = Math.max(startedAt, this.#platformAt)
    return read
  }

  async #lookAtPlatform(): Promise<void> {
    if (this.#options.platformKinds.length === 0) return
    const [found] = await this.#options.records.versions({ scopes: [PLATFORM] }).catch(unavailable)
    if ((found?.version ?? 0) !== this.#platform.version) await this.#loadPlatform()
  }

  async #loadPlatform(): Promise<void> {
    if (this.#options.platformKinds.length === 0) return
    this.#reads += 1
    const turn = this.#reads
    const read = await this.#readPlatform()
    const before = this.#platform
    // Two reads may be answered in the other order. A database that was restored goes on from a lower version.
    const isLate = turn < this.#readOf && read.version <= before.version
    if (isLate || read.version === before.version) return
    this.#readOf = turn
    this.#platform = read
    this.#snapshots.outdate()
    this.#options.onPlatformChange?.(before, read)
  }

  /** The platform's documents are at most 2 s behind even where this process does not get to look for changes. */
  #confirmPlatform(): MaybePromise<void> {
    const { now, platformKinds } = this.#options
    const at = now()
    const confirmedAt = Math.max(this.#platformAt, this.#watch.confirmedAt)
    if (platformKinds.length === 0 || at - confirmedAt <= PLATFORM_MS) return undefined
    // One that takes long may have read what was there before a change that must be seen by now.
    if (this.#renewing && at - this.#renewing.startedAt <= PLATFORM_MS) return this.#renewing.done
    const done = this.#loadPlatform().finally(() => {
      if (this.#renewing === renewing) this.#renewing = undefined
    })
    const renewing = { startedAt: at, done }
    this.#renewing = renewing
    return done
  }

  /** All versions are those that are cached: what no version tells of, as the app's own rows, may still stand in. */
  async #confirmed(): Promise<void> {
    if (await this.#snapshots.isCurrent()) this.#options.onConfirmed?.()
  }

  #standIn(snapshot: S): S {
    this.#options.onStale?.()
    return this.#options.stale?.(snapshot, this.#platform) ?? { ...snapshot, stale: true }
  }

  *#cachedVersions(): Generator<ScopeVersion> {
    yield { scope: PLATFORM, version: this.#platform.version }
    for (const [scope, { version }] of this.#snapshots.entries()) yield { scope, version }
  }
}
