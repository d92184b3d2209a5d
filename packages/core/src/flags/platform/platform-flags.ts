import type { Catalog } from '../../catalog/definitions.ts'
import type { FlagDefinitionOf, FlagKey, FlagOverrideOf, NamedChoice } from '../../catalog/keys.ts'
import type { OverrideOptions } from '../../platform-port.ts'
import type { FlagChange } from '../changes/flag-change.ts'
import type { FlagChangeOptions, FlagChangeResult } from '../changes/flag-changer.ts'
import type { FlagDisparity } from '../changes/flag-disparities.ts'
import type { FlagVersion } from '../changes/flag-history.ts'
import type { FlagPreview } from '../changes/flag-preview.ts'
import type { FlagUse } from '../changes/flag-report.ts'
import type { FlagState } from '../changes/flag-state.ts'
import type { FlagPatch } from '../changes/patch-definition.ts'
import type { StoredOverride } from '../stored-override.ts'

/** Flags at run time: no deploy, and every process within 2 s. What was changed here wins over the catalog. */
export interface PlatformFlags<C extends Catalog = Catalog> {
  /**
   * Replaces a flag's definition. An archived flag is there again.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`; `FLAG_INVALID` with the path of everything that is wrong; `FLAG_CONFLICT`
   */
  define<K extends FlagKey<C>>(
    key: K,
    definition: FlagDefinitionOf<C, K>,
    options?: FlagChangeOptions,
  ): Promise<FlagChangeResult>
  /**
   * Changes some of a flag: what a {@link FlagPatch} names; variants as in `override`. Patches that meet are both made, one after the other.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `FLAG_INVALID`, `FLAG_CONFLICT`
   */
  patch<K extends FlagKey<C>, const D extends FlagOverrideOf<C, K>, const S extends FlagOverrideOf<C, K>>(
    key: K,
    change: FlagPatch<NamedChoice<C, K, D>, NamedChoice<C, K, S>>,
    options?: FlagChangeOptions,
  ): Promise<FlagChangeResult>
  /**
   * Puts a flag away: everybody gets the catalog's default, `DISABLED`, and lists have it no more. Its history stays.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `FLAG_INVALID` for an `at` that is none, `FLAG_CONFLICT`
   */
  archive(key: FlagKey<C>, options?: FlagChangeOptions): Promise<FlagChangeResult>
  /**
   * A version of its history holds again, as a new version; 0 is the catalog's.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `FLAG_INVALID` if there is none or it is not valid any more, `FLAG_CONFLICT`
   */
  rollback(key: FlagKey<C>, options: FlagChangeOptions & { readonly to: number }): Promise<FlagChangeResult>
  /**
   * The catalog's definition counts again.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `FLAG_INVALID` for an `at` that is none, `FLAG_CONFLICT`
   */
  reset(key: FlagKey<C>, options?: FlagChangeOptions): Promise<FlagChangeResult>
  /**
   * Takes a scheduled change back, and those scheduled after it: they were made on top of it.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `FLAG_INVALID` if no change of this version waits, `FLAG_CONFLICT`
   */
  cancel(
    key: FlagKey<C>,
    version: number,
    options?: Pick<FlagChangeOptions, 'expectedVersion'>,
  ): Promise<FlagChangeResult>
  /**
   * The definition that holds, the newest version, and what is scheduled.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`
   */
  get(key: FlagKey<C>): Promise<FlagState>
  /** Every flag that is not archived, as the catalog orders them. */
  list(): Promise<readonly FlagState[]>
  /**
   * The last 100 versions, newest first.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`
   */
  history(key: FlagKey<C>): Promise<readonly FlagVersion[]>
  /**
   * For which tenants a change would change the flag, without making it. Looks at every tenant there is.
   *
   * @param options `limit`: flips that are named at the most, 1,000 unless said, 100,000 at the most; all are counted
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `FLAG_INVALID`; `TENANTS_UNLISTED` where tenants can't be listed
   */
  preview<K extends FlagKey<C>>(
    key: K,
    change: FlagChange<FlagDefinitionOf<C, K>>,
    options?: { readonly limit?: number },
  ): Promise<FlagPreview>
  /**
   * Flags that are not the same for two tenants, and why.
   *
   * @throws ThroughlineError `TENANT_NOT_FOUND`
   */
  compare(tenantA: string, tenantB: string): Promise<readonly FlagDisparity[]>
  /**
   * How each flag was used lately: candidates for removal are those that were not, or that serve everybody the same.
   * What other processes served is in it a minute later at the most.
   *
   * @param options `days`: 30 unless said, up to 3,650
   * @throws ThroughlineError `QUERY_INVALID`; `FLAG_INVALID` for an option that is not known
   */
  report(options?: { readonly days?: number }): Promise<readonly FlagUse[]>
  /**
   * A value for one tenant alone, before every rule: a boolean, or the name of a variant (one that only a definition of run time
   * has, as a `string`). One of an archived flag is refused; those it had before count again once it is back.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `FLAG_INVALID`, `TENANT_NOT_FOUND`
   */
  override<K extends FlagKey<C>, const V extends FlagOverrideOf<C, K>>(
    tenantId: string,
    key: K,
    value: NamedChoice<C, K, V>,
    options?: OverrideOptions,
  ): Promise<void>
  /**
   * Takes a tenant's override away; also where it had none.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `TENANT_NOT_FOUND`
   */
  clearOverride(tenantId: string, key: FlagKey<C>): Promise<void>
  /**
   * A tenant's overrides that have not ended: of which flag, up to when (ms since the epoch), and why. That of an archived flag
   * counts once the flag is back. None of a tenant that does not exist.
   */
  overrides(tenantId: string): Promise<readonly FlagOverride<FlagKey<C>>[]>
}

/** What one tenant has in place of what the rules say. */
export interface FlagOverride<Key extends string = string> extends StoredOverride {
  readonly key: Key
}
