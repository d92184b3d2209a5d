import type { Catalog, FlagDefinition } from './catalog/index.ts'
import type { ConfigView } from './config/index.ts'
import { configView } from './config/index.ts'
import type { Snapshot } from './context/index.ts'
import type { CompiledFlags, FlagsView } from './flags/index.ts'
import { compileFlags, flagsView, readFlagOverrides } from './flags/index.ts'
import type { LimitOverride, LimitsView } from './limits/index.ts'
import { limitsView, readLimitOverride } from './limits/index.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { next } from './maybe-promise.ts'
import type { DocumentKind, StoredDocument } from './storage/records.ts'
import type { PlatformState } from './tenants/index.ts'
import type { QuotasView } from './usage/index.ts'
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
    all: [...tenant, ...(ourTenants ? (['members'] as const) : []), ...(catalog.flags ? (['flags'] as const) : [])],
  }
}

/** Waits only where the config's schema is asynchronous. */
export type SnapshotMaker = (
  tenant: Tenant,
  documents: readonly StoredDocument[],
  version: number,
  platform: PlatformState,
) => MaybePromise<TenantSnapshot>

/** Makes snapshots of what the storage holds; flags are compiled once per version of the platform's definitions. */
export function snapshotMaker(catalog: Catalog, now: () => number): SnapshotMaker {
  let compiled: { readonly of: PlatformState; readonly flags: CompiledFlags } | undefined
  const flagsOf = (platform: PlatformState): CompiledFlags => {
    if (compiled?.of !== platform) compiled = { of: platform, flags: compileFlags(definitions(catalog, platform)) }
    return compiled.flags
  }
  return (tenant, documents, version, platform) => {
    const plan =
      tenant.plan !== undefined && catalog.plans && Object.hasOwn(catalog.plans, tenant.plan)
        ? catalog.plans[tenant.plan]
        : undefined
    const overrides = readFlagOverrides(documents, now())
    const features = plan?.features && tenant.plan !== undefined && { plan: tenant.plan, features: plan.features }
    const snapshot: TenantSnapshot = {
      tenant,
      version,
      platformVersion: platform.version,
      stale: false,
      flags: flagsView(flagsOf(platform), overrides.values, features || undefined),
      limits: limitsView({
        tenant: tenant.id,
        catalog: catalog.limits ?? {},
        plan: plan?.limits,
        overrides: limitOverrides(documents),
        now: now(),
      }),
      usage: quotasView(plan?.quotas),
      ...(overrides.validUntil !== undefined && { validUntil: overrides.validUntil }),
    }
    if (!catalog.config) return snapshot
    const stored = documents.find(({ kind }) => kind === 'config')
    return next(configView(catalog.config, plan?.config, stored), (config) => ({ ...snapshot, config }))
  }
}

/** What was changed at run time wins over the catalog; a definition of a flag that is gone counts for nothing. */
function definitions(catalog: Catalog, platform: PlatformState): Readonly<Record<string, FlagDefinition>> {
  const merged: Record<string, FlagDefinition> = { ...catalog.flags }
  for (const { kind, key, value } of platform.documents) {
    if (kind === 'flags' && Object.hasOwn(merged, key)) merged[key] = value as unknown as FlagDefinition
  }
  return merged
}

function limitOverrides(documents: readonly StoredDocument[]): ReadonlyMap<string, LimitOverride> {
  const overrides = new Map<string, LimitOverride>()
  for (const { kind, key, value } of documents) {
    const override = kind === 'limit_overrides' ? readLimitOverride(value as Json) : undefined
    if (override) overrides.set(key, override)
  }
  return overrides
}
