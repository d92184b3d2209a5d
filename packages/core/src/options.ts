import type { Catalog } from './catalog/definitions.ts'
import type { Clock } from './clock.ts'
import type { LimitHeaders, LoadSheddingOptions } from './limits/index.ts'
import type { MaybePromise } from './storage/limits.ts'
import type { Storage } from './storage/storage.ts'
import type { ListTenants } from './tenants/list-tenants.ts'
import type { IsMember } from './tenants/membership.ts'
import type { TenantColumns, TenantRow } from './tenants/tenant-row.ts'

/** `observe` lets a refused call through and records what would have been refused. */
export type Mode = 'enforce' | 'observe'

/** What can be observed before it is enforced. */
export type Layer = 'resolution' | 'membership' | 'limits' | 'quotas'

export interface TenantsOptions {
  /** Reads the app's own organizations table; null or undefined: no such tenant. */
  readonly load?: (id: string) => MaybePromise<TenantRow | TenantColumns | null | undefined>
  /**
   * Every tenant of the app's: whole rows, as `load` answers them, or ids. For what is asked across tenants, as
   * `platform.flags.preview`, and for flags that are rolled out to `exactly` so many; no request waits for it, but the
   * start does for these, 10 s at the most.
   */
  readonly list?: ListTenants
  /** The app's own membership: false, true, or the member's roles. */
  readonly isMember?: IsMember
}

export interface JournalSettings {
  /** Key of the journal's seal, at least 32 characters. Without one the storage keeps a key of its own beside the data. */
  readonly secret?: string
  /** `process` (default): what was acknowledged survives `kill -9`. `disk`: loss of power too. */
  readonly durability?: 'process' | 'disk'
  /** Where batches wait when the database can't be reached; `false`: they are refused instead. */
  readonly spill?: false | { readonly directory?: string; readonly maxBytes?: number }
  /** Lanes of the projector, 1 to 64; 1 unless said. */
  readonly lanes?: number
  /** ms a read waits for the projector at the most; 2,000 unless said. */
  readonly drainTimeout?: number
  /** `false`: another process projects. */
  readonly project?: boolean
}

/** How limits are decided. */
export interface LimitingOptions {
  /** ms after which the limits store counts as not answering; 40 unless said. */
  readonly timeoutMs?: number
  /**
   * The part of each limit that this process allows by itself while the limits store does not answer, above 0 and up to
   * 1: with four processes 0.25 keeps the whole. 1 unless said.
   */
  readonly share?: number
  /** What the guard `rateLimit` tells clients: the IETF draft's headers unless said. */
  readonly headers?: LimitHeaders
}

/** What `createThroughline` takes: the catalog (whole, or its parts inline), and where things are. */
export interface ThroughlineOptions extends Catalog {
  readonly catalog?: Catalog
  /** In memory unless said. */
  readonly storage?: Storage
  /** `'ours'`: tenants and members in our own tables. Or the app's own, read by functions. */
  readonly tenants?: 'ours' | TenantsOptions
  readonly mode?: Mode | Partial<Readonly<Record<Layer, Mode>>>
  readonly journal?: JournalSettings
  readonly limiting?: LimitingOptions
  /** Refuses calls with 503 while this process is saturated, by the priority of their limits. Off unless given. */
  readonly loadShedding?: LoadSheddingOptions
  readonly snapshots?: { readonly max?: number; readonly maxStale?: number }
  /** `auto` migrates at the start; `check` refuses to start on an older schema. */
  readonly migrate?: 'auto' | 'check'
  /** How OpenTelemetry shows it, where the app registers an SDK. */
  readonly telemetry?: TelemetryOptions
  readonly clock?: Clock
  /**
   * Told of failures that no caller sees: of each kind at once, then every 10 s with how many there were. `console` unless
   * said.
   */
  readonly logger?: Logger
}

export interface TelemetryOptions {
  /** Name of the span attribute that holds the tenant's id; `tenant.id` unless said. */
  readonly tenantAttribute?: string
  /** `false`: the tenant is named on the app's spans, and Throughline adds none of its own. */
  readonly spans?: boolean
}

export interface Logger {
  warn(message: string, details?: unknown): void
}
