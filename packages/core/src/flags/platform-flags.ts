import type { Catalog, FlagDefinition } from '../catalog/definitions.ts'
import type { FlagDefinitionOf, FlagKey, FlagOverrideOf } from '../catalog/keys.ts'
import { describe } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { OverrideOptions } from '../platform-port.ts'
import { PLATFORM } from '../vocabulary.ts'
import { definitionProblems } from './changes/definition-problems.ts'
import { definitionOf } from './changes/effective-definitions.ts'
import type { FlagChange } from './changes/flag-change.ts'
import { flagInvalid, refuseArchived, refuseOptions } from './changes/flag-change.ts'
import type { FlagChangeOptions, FlagChangeResult, FlagChangerOptions } from './changes/flag-changer.ts'
import { FlagChanger } from './changes/flag-changer.ts'
import type { ComparedTenant, FlagDisparity } from './changes/flag-compare.ts'
import { flagDisparities } from './changes/flag-compare.ts'
import type { FlagVersion } from './changes/flag-history.ts'
import { asHistory, historyEntry, historyQuery } from './changes/flag-history.ts'
import type { FlagPreview } from './changes/flag-preview.ts'
import { previewFlips } from './changes/flag-preview.ts'
import type { FlagUse } from './changes/flag-report.ts'
import { flagReport, readDays } from './changes/flag-report.ts'
import type { FlagState } from './changes/flag-state.ts'
import { flagState } from './changes/flag-state.ts'
import type { StoredOverride } from './changes/new-override.ts'
import { newFlagOverride, readOverride } from './changes/new-override.ts'
import type { FlagPatch } from './changes/patch-definition.ts'
import type { ServedVariant } from './changes/seen-flags.ts'
import type { StoredFlag } from './changes/stored-flag.ts'
import { readStoredFlag, settingAt } from './changes/stored-flag.ts'

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
   * Changes some of a flag: what a {@link FlagPatch} names. Patches that meet are both made, one after the other.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `FLAG_INVALID`, `FLAG_CONFLICT`
   */
  patch<K extends FlagKey<C>>(
    key: K,
    change: FlagPatch<FlagOverrideOf<C, K>>,
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
   * A value for one tenant alone, before every rule: a boolean, or the name of a variant. One of an archived flag is refused; those
   * it had before count again once it is back.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `FLAG_INVALID`, `TENANT_NOT_FOUND`
   */
  override<K extends FlagKey<C>>(
    tenantId: string,
    key: K,
    value: FlagOverrideOf<C, K>,
    options?: OverrideOptions,
  ): Promise<void>
  /**
   * Takes a tenant's override away; also where it had none.
   *
   * @throws ThroughlineError `FLAG_NOT_FOUND`, `TENANT_NOT_FOUND`
   */
  clearOverride(tenantId: string, key: FlagKey<C>): Promise<void>
  /**
   * A tenant's overrides that count now: of which flag, up to when (ms since the epoch), and why. None of a tenant that
   * does not exist.
   */
  overrides(tenantId: string): Promise<readonly FlagOverride<FlagKey<C>>[]>
}

/** What one tenant has in place of what the rules say. */
export interface FlagOverride<Key extends string = string> extends StoredOverride {
  readonly key: Key
}

export interface PlatformFlagsOptions extends FlagChangerOptions {
  /** A tenant and what its contexts know of flags; `undefined` if there is none. */
  compared(tenantId: string): Promise<ComparedTenant | undefined>
  /** What was served by all processes, this one's newest included. */
  served(): Promise<readonly ServedVariant[]>
}

const MOST_FLIPS = 100_000

export function createPlatformFlags<C extends Catalog>(options: PlatformFlagsOptions): PlatformFlags<C> {
  const { port, catalog, engine } = options
  const keys = Object.keys(catalog)
  const changer = new FlagChanger(options)
  const check = (key: string): FlagDefinition => {
    port.acting()
    const definition = Object.hasOwn(catalog, key) ? catalog[key] : undefined
    if (definition) return definition
    const given = String(key).slice(0, 100)
    throw new ThroughlineError('FLAG_NOT_FOUND', {
      message: `No flag has the key "${given}".${didYouMean(given, keys)}`,
    })
  }
  const change = async (key: string, made: FlagChange, how?: FlagChangeOptions): Promise<FlagChangeResult> => {
    check(key)
    return changer.change(key, made, how)
  }
  const looked = (action: string, ...ids: string[]): void =>
    port.note({ action, targets: ids.map((id) => ({ type: action === 'flag.compared' ? 'tenant' : 'flag', id })) })
  const state = (key: string, declared: FlagDefinition, flag: StoredFlag): FlagState =>
    flagState(key, declared, flag, port.now(), (definition) =>
      definitionProblems(options.check, key, declared, definition),
    )
  const states = async (): Promise<readonly FlagState[]> => {
    const { documents } = await port.read({ tenant: PLATFORM, kinds: ['flags'] })
    const stored = new Map(documents.map(({ key, value }) => [key, value]))
    return keys.map((key) => state(key, check(key), readStoredFlag(stored.get(key))))
  }
  return {
    define: (key, definition, how) => change(key, { define: definition }, how),
    patch: (key, patch, how) => change(key, { patch }, how),
    archive: (key, how) => change(key, { archive: true }, how),
    async rollback(key, options) {
      check(key)
      const { to, ...how } = options ?? {}
      return change(key, { rollback: to }, how)
    },
    reset: (key, how) => change(key, { reset: true }, how),
    async cancel(key, version, how = {}) {
      check(key)
      return changer.cancel(key, version, how)
    },
    async get(key) {
      const declared = check(key)
      const { flag } = await changer.read(key)
      looked('flag.read', key)
      return state(key, declared, flag)
    },
    async list() {
      const found = await states()
      looked('flag.read')
      return found.filter(({ archived }) => !archived)
    },
    async history(key) {
      check(key)
      const { flag } = await changer.read(key)
      const documents = await port.list(historyQuery(key))
      looked('flag.read', key)
      return asHistory(
        documents.flatMap((document) => historyEntry(key, document) ?? []),
        flag,
        port.now(),
      )
    },
    async preview(key, previewed, said = {}) {
      check(key)
      refuseOptions(said, ['limit'])
      const { limit = 1_000 } = said
      if (typeof limit !== 'number' || !(limit >= 0))
        throw flagInvalid(`"limit" is ${describe(limit)}; it must be a number from 0.`)
      const comparison = await changer.compared(key, previewed)
      const tenants = port.tenants()
      if (!tenants) throw new ThroughlineError('TENANTS_UNLISTED')
      const preview = await previewFlips(comparison, tenants, Math.min(Math.trunc(limit), MOST_FLIPS))
      looked('flag.previewed', key)
      return preview
    },
    async compare(tenantA, tenantB) {
      port.acting()
      const [a, b] = await Promise.all([options.compared(tenantA), options.compared(tenantB)])
      if (!a || !b) throw new ThroughlineError('TENANT_NOT_FOUND')
      looked('flag.compared', tenantA, tenantB)
      return flagDisparities(engine, a, b, keys)
    },
    async report(said = {}) {
      port.acting()
      refuseOptions(said, ['days'])
      const { days = 30 } = said
      const lately = readDays(days)
      const known = await states()
      const served = await options.served()
      looked('flag.reported')
      return flagReport(known, served, lately, port.now())
    },
    async override(tenantId, key, value, said = {}) {
      const declared = check(key)
      refuseOptions(said, ['until', 'reason'])
      const { until: end, reason = port.reason() } = said
      const { flag } = await changer.read(key)
      const now = port.now()
      const setting = settingAt(flag, now)
      refuseArchived(key, setting)
      const definition = definitionOf(declared, setting)
      const given = { reason, ...(end !== undefined && { until: end }) }
      const override = newFlagOverride(key, definition, value, given, now)
      const { until, ...kept } = override
      await port.commitFor(tenantId, {
        writes: [{ kind: 'flag_overrides', tenant: tenantId, key, value: override }],
        event: {
          action: 'flag.overridden',
          targets: [{ type: 'flag', id: key }],
          metadata: { ...kept, ...(until !== undefined && { until: new Date(until).toISOString() }) },
        },
      })
    },
    async clearOverride(tenantId, key) {
      check(key)
      await port.commitFor(tenantId, {
        writes: [{ kind: 'flag_overrides', tenant: tenantId, key, value: null }],
        event: { action: 'flag.override_cleared', targets: [{ type: 'flag', id: key }] },
      })
    },
    async overrides(tenantId) {
      const { documents } = await port.read({ tenant: tenantId, kinds: ['flag_overrides'] })
      port.note({ action: 'flag.read', targets: [{ type: 'tenant', id: tenantId }] })
      const stored = documents.filter(({ key }) => Object.hasOwn(catalog, key))
      return stored.flatMap(({ key, value }) => {
        const override = readOverride(value, port.now())
        return override ? [{ key: key as FlagKey<C>, ...override }] : []
      })
    },
  }
}
