import type { Catalog, FlagDefinition, FlagSurroundings } from './catalog/index.ts'
import { flagProblems, namedIn } from './catalog/index.ts'
import type { CompiledFlags, FlagsView, PlanFeatures, RankedTenants } from './flags/index.ts'
import { compileFlags, effectiveDefinitions, flagsView, readFlagOverrides } from './flags/index.ts'
import type { StoredDocument } from './storage/records.ts'
import type { PlatformState } from './tenants/index.ts'

/** What the flags of a snapshot are made of, so that they can be made again. */
export interface FlagSources {
  readonly overrides: readonly StoredDocument[]
  readonly features: PlanFeatures | undefined
}

/** What a snapshot says of flags. */
export interface FlagParts {
  readonly flags: FlagsView
  /** ms: a scheduled change began then. */
  readonly scheduledAt?: number
  /** ms: something of it ends then. */
  readonly validUntil?: number
}

interface FlagsAtTime {
  readonly of: PlatformState
  /** The version of the ranks they were compiled with. */
  readonly ranks: number
  readonly from: number
  readonly since: number | undefined
  readonly until: number | undefined
  readonly flags: CompiledFlags
}

/** Flags as snapshots have them: compiled once for each version of the platform's definitions and each scheduled change. */
export class SnapshotFlags {
  readonly #catalog: Catalog
  readonly #named: FlagSurroundings
  readonly #now: () => number
  readonly #ranks: RankedTenants
  #compiled: FlagsAtTime | undefined

  constructor(catalog: Catalog, now: () => number, ranks: RankedTenants) {
    this.#catalog = catalog
    this.#named = namedIn(catalog)
    this.#now = now
    this.#ranks = ranks
  }

  compile(
    definitions: Readonly<Record<string, FlagDefinition>>,
    now: () => number = this.#now,
    versions: ReadonlyMap<string, number> = new Map(),
  ): CompiledFlags {
    return compileFlags(definitions, {
      segments: this.#catalog.segments ?? {},
      versions,
      now,
      // Its own clock says that it is only looked at: nothing is counted for it.
      bounds: now === this.#now ? this.#ranks.bound : this.#ranks.known,
    })
  }

  /** Every flag as it is at a time, ms. */
  effective(platform: PlatformState, at: number): ReturnType<typeof effectiveDefinitions> {
    return effectiveDefinitions(this.#catalog.flags ?? {}, platform.documents, at, (definition, path) =>
      flagProblems(definition, path, this.#named),
    )
  }

  at(platform: PlatformState, at: number): FlagsAtTime {
    const ranks = this.#ranks
    const compiled = this.#compiled
    const holds =
      compiled?.of === platform &&
      compiled.ranks === ranks.version &&
      at >= compiled.from &&
      at < (compiled.until ?? Number.POSITIVE_INFINITY)
    if (compiled && holds) return compiled
    const { definitions, versions, since, until } = this.effective(platform, at)
    ranks.forget()
    const flags = this.compile(definitions, this.#now, versions)
    this.#compiled = { of: platform, ranks: ranks.version, from: at, since, until, flags }
    return this.#compiled
  }

  /** What a snapshot says of flags now. */
  parts({ overrides, features }: FlagSources, platform: PlatformState, stale: boolean): FlagParts {
    const now = this.#now()
    const { flags, since, until } = this.at(platform, now)
    const { values, validUntil } = readFlagOverrides(overrides, now)
    const ends = [until, validUntil].filter((time) => time !== undefined)
    return {
      flags: flagsView(flags, values, features, stale),
      ...(since !== undefined && { scheduledAt: since }),
      ...(ends.length > 0 && { validUntil: Math.min(...ends) }),
    }
  }
}
