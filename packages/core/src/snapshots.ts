import type { Catalog, FlagDefinition } from './catalog/index.ts'
import { flagProblems } from './catalog/index.ts'
import type { ConfigView } from './config/index.ts'
import { configView } from './config/index.ts'
import type { Snapshot } from './context/index.ts'
import type { CompiledFlags, FlagsView, PlanFeatures, RankedTenants } from './flags/index.ts'
import { compileFlags, effectiveDefinitions, flagsView, readFlagOverrides } from './flags/index.ts'
import type { LimitOverride, LimitsView } from './limits/index.ts'
import { limitsView, readLimitOverride } from './limits/index.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { next } from './maybe-promise.ts'
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

/** What the flags of a snapshot were made of, so that they can be made again. */
interface FlagSources {
  readonly documents: readonly StoredDocument[]
  readonly features: PlanFeatures | undefined
}

/**
 * Makes snapshots of what the storage holds.
 *
 * @param calendarOf the days and months in which a tenant's quotas count; UTC's unless given
 * @param ranks who is among exactly so many tenants; nobody unless given
 */
export function snapshotMaker(
  catalog: Catalog,
  now: () => number,
  calendarOf?: (tenant: Tenant) => Calendar,
  ranks?: RankedTenants,
): SnapshotMaker {
  const compile: SnapshotMaker['compile'] = (definitions, at = now, versions = new Map()) =>
    compileFlags(definitions, {
      segments: catalog.segments ?? {},
      versions,
      now: at,
      // Its own clock says that it is only looked at: nothing is counted for it.
      ...(ranks && { bounds: at === now ? ranks.bound : ranks.known }),
    })
  const segments = Object.keys(catalog.segments ?? {})
  const effective: Effective = (platform, at) =>
    effectiveDefinitions(catalog.flags ?? {}, platform.documents, at, (definition, path) =>
      flagProblems(definition, path, { segments }),
    )
  const flagsOf = flagsByTime(effective, compile, now, ranks)
  const sources = new WeakMap<TenantSnapshot, FlagSources>()
  const flagParts = ({ documents, features }: FlagSources, platform: PlatformState, stale: boolean) => {
    const at = now()
    const { flags, since, until } = flagsOf(platform, at)
    const overrides = readFlagOverrides(documents, at)
    const ends = [until, overrides.validUntil].filter((time) => time !== undefined)
    return {
      flags: flagsView(flags, overrides.values, features, stale),
      ...(since !== undefined && { scheduledAt: since }),
      ...(ends.length > 0 && { validUntil: Math.min(...ends) }),
    }
  }
  const make: SnapshotMaker['make'] = (tenant, documents, version, platform) => {
    const plan =
      tenant.plan !== undefined && catalog.plans && Object.hasOwn(catalog.plans, tenant.plan)
        ? catalog.plans[tenant.plan]
        : undefined
    const features =
      plan?.features && tenant.plan !== undefined ? { plan: tenant.plan, features: plan.features } : undefined
    const source: FlagSources = { documents: documents.filter(({ kind }) => kind === 'flag_overrides'), features }
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
      ...flagParts(source, platform, false),
    }
    const kept = (made: TenantSnapshot): TenantSnapshot => {
      if (catalog.flags) sources.set(made, source)
      return made
    }
    if (!catalog.config) return kept(snapshot)
    const stored = documents.find(({ kind }) => kind === 'config')
    return next(configView(catalog.config, plan?.config, stored), (config) => kept({ ...snapshot, config }))
  }
  const stale: SnapshotMaker['stale'] = (snapshot, platform) => {
    const source = sources.get(snapshot)
    if (!source) return { ...snapshot, stale: true }
    const { validUntil = Number.POSITIVE_INFINITY, flags } = snapshot
    if (snapshot.stale && validUntil > now() && flags.flags === flagsOf(platform, now()).flags) return snapshot
    const { validUntil: _ended, scheduledAt: _begun, ...rest } = snapshot
    const standIn = { ...rest, stale: true, ...flagParts(source, platform, true) }
    sources.set(standIn, source)
    return standIn
  }
  return { make, stale, compile, definitions: (platform) => effective(platform, now()).definitions }
}

/** Flags as they are at a time, ms. */
type Effective = (platform: PlatformState, at: number) => ReturnType<typeof effectiveDefinitions>

/** Flags as they are at a time, compiled once for each version of the platform's definitions and each scheduled change. */
function flagsByTime(
  effective: Effective,
  compile: SnapshotMaker['compile'],
  now: () => number,
  ranks: RankedTenants | undefined,
) {
  let compiled:
    | {
        readonly of: PlatformState
        readonly ranks: number | undefined
        readonly from: number
        readonly since: number | undefined
        readonly until: number | undefined
        readonly flags: CompiledFlags
      }
    | undefined
  return (platform: PlatformState, at: number) => {
    const holds =
      compiled?.of === platform &&
      compiled.ranks === ranks?.version &&
      at >= compiled.from &&
      at < (compiled.until ?? Number.POSITIVE_INFINITY)
    if (compiled && holds) return compiled
    const { definitions, versions, since, until } = effective(platform, at)
    ranks?.forget()
    const flags = compile(definitions, now, versions)
    compiled = { of: platform, ranks: ranks?.version, from: at, since, until, flags }
    return compiled
  }
}

function limitOverrides(documents: readonly StoredDocument[]): ReadonlyMap<string, LimitOverride> {
  const overrides = new Map<string, LimitOverride>()
  for (const { kind, key, value } of documents) {
    const override = kind === 'limit_overrides' ? readLimitOverride(value as Json) : undefined
    if (override) overrides.set(key, override)
  }
  return overrides
}
