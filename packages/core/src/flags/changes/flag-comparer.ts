import type { FlagDefinition, PlanDefinition } from '../../catalog/definitions.ts'
import type { PlatformPort } from '../../platform-port.ts'
import type { CompiledFlags } from '../compile-flags.ts'
import type { FlagsEngine } from '../flags.ts'
import { dependentsOf, keysBehind } from '../prerequisites.ts'
import type { AffectedTenants } from './affected-tenants.ts'
import { affectedTenants } from './affected-tenants.ts'
import type { DecidedChange } from './change-entry.ts'
import type { FlagChange } from './flag-change.ts'
import { changeKind, settingBy } from './flag-change.ts'
import type { FlagComparison } from './flag-comparison.ts'
import type { KnownFlags } from './known-flags.ts'
import type { FlagSetting } from './stored-flag.ts'
import { settingAt } from './stored-flag.ts'
import { TenantOutcomes } from './tenant-outcomes.ts'
import { allOverrides, someOverrides } from './tenant-overrides.ts'

/** What comparing takes beside the flags. */
export interface FlagComparerOptions {
  readonly port: Pick<PlatformPort, 'list' | 'now' | 'tenants'>
  readonly plans: Readonly<Record<string, PlanDefinition>>
  readonly engine: Pick<FlagsEngine, 'evaluateIn'>
  /** @param at ms, for rules that ask the time */
  compile(
    definitions: Readonly<Record<string, FlagDefinition>>,
    at: number,
    versions: ReadonlyMap<string, number>,
  ): CompiledFlags
  /** Finds out what compiling these needs to know of all tenants. */
  prepare?(definitions: Readonly<Record<string, FlagDefinition>>): Promise<void>
}

/** Compares what flags are for tenants with what a change makes of them. */
export class FlagComparer {
  readonly #options: FlagComparerOptions
  readonly #flags: KnownFlags

  constructor(options: FlagComparerOptions, flags: KnownFlags) {
    this.#options = options
    this.#flags = flags
  }

  /**
   * What a change would make of a flag, beside what it is.
   *
   * @throws ThroughlineError `FLAG_INVALID`
   */
  async compare(key: string, change: FlagChange): Promise<FlagComparison> {
    changeKind(change)
    const now = this.#options.port.now()
    const { flag } = await this.#flags.read(key)
    const before = settingAt(flag, now)
    const after = await settingBy(await this.#flags.base(key, before, now), change)
    return this.#comparison(key, before, { ...after, version: flag.version + 1 }, now, allOverrides)
  }

  /** For whom a change that is about to be made changes a flag; `unknown` where tenants can't be listed. */
  async affected(key: string, { before, after, at }: DecidedChange): Promise<AffectedTenants | 'unknown'> {
    const { port } = this.#options
    const tenants = port.tenants()
    if (!tenants) return 'unknown'
    return affectedTenants(() => this.#comparison(key, before, after, at ?? port.now(), someOverrides), tenants)
  }

  async #comparison(
    key: string,
    before: FlagSetting,
    after: FlagSetting,
    at: number,
    overridesBy: typeof allOverrides,
  ): Promise<FlagComparison> {
    const { port, engine, plans, prepare, compile } = this.#options
    const { definitions: others, versions } = await this.#flags.effective(at)
    const old = { ...others, [key]: this.#flags.served(key, before) }
    const young = { ...others, [key]: this.#flags.served(key, after) }
    const dependents = [...new Set([...dependentsOf(old, key), ...dependentsOf(young, key)])]
    const asked = [key, ...dependents]
    const keys = new Set([...keysBehind(old, asked), ...keysBehind(young, asked)])
    const outcomes = async (definitions: typeof old, { version }: FlagSetting): Promise<TenantOutcomes> => {
      await prepare?.(definitions)
      const own = new Map([...versions].filter(([other]) => other !== key))
      if (version > 0) own.set(key, version)
      return new TenantOutcomes(engine, compile(definitions, at, own), plans)
    }
    return {
      key,
      dependents,
      before: await outcomes(old, before),
      after: await outcomes(young, after),
      overrides: await overridesBy((query) => port.list(query), keys, at),
    }
  }
}
