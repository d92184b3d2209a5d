import type { Catalog, FlagDefinition, PlanDefinition } from './catalog/index.ts'
import type { ConfigView } from './config/index.ts'
import { configView } from './config/index.ts'
import type { Snapshot } from './context/index.ts'
import type { CompiledFlags, FlagsView, PlanFeatures, RankedTenants } from './flags/index.ts'
import type { LimitOverride, LimitsView } from './limits/index.ts'
import { limitsView, readLimitOverride } from './limits/index.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { next } from './maybe-promise.ts'
import { planFinder } from './plan-finder.ts'
import type { FlagSources } from './snapshot-flags.ts'
import { SnapshotFlags } from './snapshot-flags.ts'
import type { DocumentKind, StoredDocument } from './storage/records.ts'
import type { PlatformState } from './tenants/index.ts'
import type { Calendar, QuotasView } from './usage/index.ts'
import { quotasView } from './usage/index.ts'
import type { Json, Tenant } from './vocabulary.ts'

/** Everything a context knows of its tenant. A part whose engine is absent is empty. */
export interface TenantSnapshot extends Snapshot {
  readonly flags: FlagsView
  readonly limits: LimitsView
  readonly usage: QuotasView
  /** Absent without a schema. */
  readonly config?: ConfigView
  /** ms: something it says ends then. */
  readonly validUntil?: number
}

/** A snapshot where the catalog has a config schema. */
export type ConfiguredSnapshot = TenantSnapshot & { readonly config: ConfigView }

/** The document kinds that the parts of a catalog need: nothing else has a table. */
export function documentKinds(catalog: Catalog, ourTenants: boolean): { tenant: DocumentKind[]; all: DocumentKind[] } {
  const tenant: DocumentKind[] = [
    ...(ourTenants ? (['tenants'] as const) : []),
    ...(catalog.config ? (['config'] as const) : []),
    ...(catalog.limits ? (['limit_overrides'] as const) : []),
    ...(catalog.flags ? (['flag_overrides'] as const) : []),
  ]
  return {
    tenant,
    all: [
      ...tenant,
      ...(ourTenants ? (['members'] as const) : []),
      ...(catalog.flags ? (['flags', 'definitions'] as const) : []),
    ],
  }
}

export interface SnapshotMaker {
  /** Waits only where the config's schema is asynchronous. */
  make(
    tenant: Tenant,
    documents: readonly StoredDocument[],
    version: number,
    platform: PlatformState,
  ): MaybePromise<TenantSnapshot>
  /**
   * One that stands in while the database does not answer: definitions as they are known to be now (what was scheduled
   * begins, what this process knows of a change counts), overrides that have not ended.
   */
  stale(snapshot: TenantSnapshot, platform: PlatformState): TenantSnapshot
  /** Every flag as it is now. */
  definitions(platform: PlatformState): Readonly<Record<string, FlagDefinition>>
  /** @param now ms, for rules that ask the time; the clock's unless given */
  compile(
    definitions: Readonly<Record<string, FlagDefinition>>,
    now?: () => number,
    versions?: ReadonlyMap<string, number>,
  ): CompiledFlags
}

/**
 * Makes snapshots of what the storage holds.
 *
 * @param calendarOf the days and months in which a tenant's quotas count; UTC's unless given
 * @param ranks who is among exactly so many tenants
 * @param warn told once of each plan that is not in the catalog
 */
export function snapshotMaker(
  catalog: Catalog,
  now: () => number,
  calendarOf: ((tenant: Tenant) => Calendar) | undefined,
  ranks: RankedTenants,
  warn: (message: string) => void,
): SnapshotMaker {
  const planOf = planFinder(catalog, warn)
  const flags = new SnapshotFlags(catalog, now, ranks)
  const sources = new WeakMap<TenantSnapshot, FlagSources>()
  const keep = (snapshot: TenantSnapshot, source: FlagSources): TenantSnapshot => {
    if (catalog.flags) sources.set(snapshot, source)
    return snapshot
  }
  return {
    make(tenant, documents, version, platform) {
      const plan = planOf(tenant)
      const overrides = documents.filter(({ kind }) => kind === 'flag_overrides')
      const source: FlagSources = { overrides, features: featuresOf(tenant, plan) }
      const snapshot: TenantSnapshot = {
        tenant,
        version,
        platformVersion: platform.version,
        stale: false,
        limits: limitsView({
          tenant: tenant.id,
          catalog: catalog.limits ?? {},
          plan: plan?.limits,
          overrides: limitOverrides(documents),
          now: now(),
        }),
        usage: quotasView(plan?.quotas, calendarOf?.(tenant)),
        ...flags.parts(source, platform, false),
      }
      if (!catalog.config) return keep(snapshot, source)
      const stored = documents.find(({ kind }) => kind === 'config')
      return next(configView(catalog.config, plan?.config, stored), (config) => keep({ ...snapshot, config }, source))
    },
    stale(snapshot, platform) {
      const source = sources.get(snapshot)
      if (!source) return { ...snapshot, stale: true }
      const { validUntil = Number.POSITIVE_INFINITY } = snapshot
      const holds = snapshot.stale && validUntil > now()
      if (holds && snapshot.flags.flags === flags.at(platform, now()).flags) return snapshot
      const { validUntil: _ended, scheduledAt: _begun, ...rest } = snapshot
      return keep({ ...rest, stale: true, ...flags.parts(source, platform, true) }, source)
    },
    definitions: (platform) => flags.effective(platform, now()).definitions,
    compile: (definitions, at, versions) => flags.compile(definitions, at, versions),
  }
}

function featuresOf({ plan }: Tenant, declared: PlanDefinition | undefined): PlanFeatures | undefined {
  return declared?.features && plan !== undefined ? { plan, features: declared.features } : undefined
}

function limitOverrides(documents: readonly StoredDocument[]): ReadonlyMap<string, LimitOverride> {
  const overrides = new Map<string, LimitOverride>()
  for (const { kind, key, value } of documents) {
    const override = kind === 'limit_overrides' ? readLimitOverride(value as Json) : undefined
    if (override) overrides.set(key, override)
  }
  return overrides
}
