import type { MaybePromise } from '../storage/limits.ts'
import type { DocumentKind, RecordsStore, ScopeVersion, StoredDocument } from '../storage/records.ts'
import { unavailable } from '../unavailable.ts'
import type { Tenant } from '../vocabulary.ts'
import { PLATFORM } from '../vocabulary.ts'
import { SnapshotCache } from './snapshot-cache.ts'
import { VersionWatch } from './version-watch.ts'

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

  constructor(options: TenantStateOptions<S>) {
    this.#options = options
    const { now, onFailure, max, maxStaleMs, loadsFromApp } = options
    this.#watch = new VersionWatch({
      versions: (query) => options.records.versions(query),
      notices: options.records.notices?.bind(options.records),
      now,
      cached: () => this.#cachedVersions(),
      onChange: (scope) => this.#changedElsewhere(scope),
      onFailure,
    })
    this.#snapshots = new SnapshotCache({
      max,
      maxStaleMs,
      now,
      load: (id) => this.#load(id),
      confirmedAt: () => (loadsFromApp ? 0 : this.#watch.confirmedAt),
      stale: (snapshot) => ({ ...snapshot, stale: true }),
      onFailure,
    })
  }

  async start(): Promise<void> {
    await this.#loadPlatform()
    if (this.#options.tenantKinds.length + this.#options.platformKinds.length > 0) this.#watch.start()
  }

  stop(): void {
    this.#watch.stop()
  }

  /** At most 2 s behind; synchronous when cached; `undefined` if there is no such tenant. */
  get(id: string): MaybePromise<S | undefined> {
    return this.#snapshots.get(id)
  }

  /** ms: when the tenant's snapshot was last known to be current. */
  confirmedAt(id: string): number | undefined {
    return this.#snapshots.confirmedAt(id)
  }

  /** As it is now; the last known state while the database does not answer. */
  reload(id: string): Promise<S | undefined> {
    return this.#snapshots.reload(id)
  }

  /** This process committed a change. */
  async changed(scope: string): Promise<void> {
    if (scope === PLATFORM) {
      await this.#loadPlatform()
      this.#snapshots.clear()
    } else {
      this.#snapshots.invalidate(scope)
      this.#options.onChange(scope)
    }
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
    const found = await tenant(id, documents)
    return found && snapshot(found, documents, version, platform)
  }

  async #loadPlatform(): Promise<void> {
    const { records, platformKinds } = this.#options
    if (platformKinds.length === 0) return
    this.#platform = await records.read({ tenant: PLATFORM, kinds: platformKinds })
  }

  *#cachedVersions(): Generator<ScopeVersion> {
    yield { scope: PLATFORM, version: this.#platform.version }
    for (const [scope, { version }] of this.#snapshots.entries()) yield { scope, version }
  }

  #changedElsewhere(scope: string): void {
    this.changed(scope).catch(this.#options.onFailure)
  }
}
