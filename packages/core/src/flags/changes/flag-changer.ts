import type { FlagDefinition, PlanDefinition } from '../../catalog/definitions.ts'
import type { Problem } from '../../catalog/problems.ts'
import { ThroughlineError } from '../../errors.ts'
import type { Moment } from '../../moment.ts'
import { MOMENT_HINT, momentOf } from '../../moment.ts'
import type { PlatformPort } from '../../platform-port.ts'
import type { Json } from '../../vocabulary.ts'
import { PLATFORM } from '../../vocabulary.ts'
import type { FlagsEngine } from '../flags.ts'
import type { CompiledFlags } from '../flags-view.ts'
import { dependentsOf, keysBehind } from '../prerequisites.ts'
import type { DecidedChange } from './change-entry.ts'
import { changeEntry, changeEvent } from './change-entry.ts'
import { definitionProblems } from './definition-problems.ts'
import type { EffectiveDefinitions } from './effective-definitions.ts'
import { effectiveDefinitions, servedDefinition } from './effective-definitions.ts'
import type { FlagChange } from './flag-change.ts'
import { changeKind, flagInvalid, refuseOptions, settingBy } from './flag-change.ts'
import type { FlagDifference } from './flag-diff.ts'
import type { FlagHistoryEntry } from './flag-history.ts'
import { documentKey, historyEntry, historyWrites } from './flag-history.ts'
import type { AffectedTenants, FlagComparison } from './flag-preview.ts'
import { affectedTenants } from './flag-preview.ts'
import type { FlagSetting, StoredFlag } from './stored-flag.ts'
import { MAX_SCHEDULED, readStoredFlag, settingAt, waitingAt, withoutScheduled, withSetting } from './stored-flag.ts'
import { TenantOutcomes } from './tenant-outcomes.ts'
import { overridesOf } from './tenant-overrides.ts'

/** When a change holds, and over what. */
export interface FlagChangeOptions {
  /** Refuse (`FLAG_CONFLICT`) unless the flag's newest version is this one; 0: it was never changed. */
  readonly expectedVersion?: number
  /** From then on, in every process, and not before: a Date, ms since the epoch, or ISO 8601; later than now. */
  readonly at?: Moment
}

/** What a change did. */
export interface FlagChangeResult {
  /** Dense, from 1, by flag. */
  readonly version: number
  readonly changes: readonly FlagDifference[]
  /** `unknown` where tenants can't be listed, or others changed the flag again and again meanwhile. */
  readonly affected: AffectedTenants | 'unknown'
  /** Scheduled versions that it cancelled: all that were to come after it. */
  readonly cancelled: readonly number[]
  /** When it begins to hold, if not at once: ISO 8601, UTC. */
  readonly at?: string
}

/** What changing flags needs of its instance. */
export interface FlagChangerOptions {
  readonly port: PlatformPort
  readonly catalog: Readonly<Record<string, FlagDefinition>>
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
  /** What is wrong with a definition of a flag, beside the others as they are; without them, by itself. */
  check(definition: unknown, path: string, others?: Readonly<Record<string, FlagDefinition>>): readonly Problem[]
}

/** One flag as it was read, and the version of its document. */
interface ReadFlag {
  readonly flag: StoredFlag
  readonly document: number
}

/** Attempts of one change, each over the newest version. */
const ATTEMPTS = 10
/** Looking at tenants takes time in which others change the flag: these attempts take it. */
const UNHURRIED = 2

/** Changes flags: each change one version, compared and set, on the operator's trail in the same transaction. */
export class FlagChanger {
  readonly #options: FlagChangerOptions

  constructor(options: FlagChangerOptions) {
    this.#options = options
  }

  /** @throws ThroughlineError `FLAG_INVALID`, `FLAG_CONFLICT` */
  async change(key: string, change: FlagChange, options: FlagChangeOptions = {}): Promise<FlagChangeResult> {
    const kind = changeKind(change)
    refuseOptions(options, ['expectedVersion', 'at'])
    return this.#commit(key, options, async (flag) => {
      const now = this.#options.port.now()
      const at = this.#timeOf(options.at, flag, now)
      const before = settingAt(flag, at ?? now)
      const setting = await settingBy(await this.#base(key, before, at ?? now), change)
      const changed = withSetting(flag, setting, now, at)
      return { ...changed, kind, before, after: { ...setting, version: changed.next.version }, at }
    })
  }

  /** @throws ThroughlineError `FLAG_INVALID` if no change of this number waits, `FLAG_CONFLICT` */
  async cancel(
    key: string,
    version: number,
    options: Pick<FlagChangeOptions, 'expectedVersion'>,
  ): Promise<FlagChangeResult> {
    refuseOptions(options, ['expectedVersion'])
    return this.#commit(key, options, async (flag) => {
      const now = this.#options.port.now()
      const cancelled = withoutScheduled(flag, version, now)
      if (!cancelled) throw flagInvalid(`No scheduled change of "${key}" has the version ${String(version)}.`)
      const holds = settingAt(flag, now)
      return { ...cancelled, kind: 'schedule_cancelled', before: holds, after: cancelled.next.current, at: undefined }
    })
  }

  /** What a change would make of a flag, beside what it is. */
  async compared(key: string, change: FlagChange): Promise<FlagComparison> {
    changeKind(change)
    const now = this.#options.port.now()
    const { flag } = await this.read(key)
    const before = settingAt(flag, now)
    const after = await settingBy(await this.#base(key, before, now), change)
    return this.#comparison(key, before, { ...after, version: flag.version + 1 }, now)
  }

  async read(key: string): Promise<ReadFlag> {
    const { documents } = await this.#options.port.read({ tenant: PLATFORM, kinds: ['flags'], key })
    return { flag: readStoredFlag(documents[0]?.value), document: documents[0]?.version ?? 0 }
  }

  async #commit(
    key: string,
    { expectedVersion }: Pick<FlagChangeOptions, 'expectedVersion'>,
    decide: (flag: StoredFlag) => Promise<DecidedChange>,
  ): Promise<FlagChangeResult> {
    const { port } = this.#options
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { flag, document } = await this.read(key)
      if (expectedVersion !== undefined && expectedVersion !== flag.version) throw conflict(key, flag.version)
      const decided = await decide(flag)
      const affected = attempt <= UNHURRIED ? await this.#affected(key, decided) : 'unknown'
      const entry = changeEntry(decided, this.#declared(key), port.acting(), port.now())
      const value = decided.next as unknown as Json
      const committed = await port.commit(PLATFORM, {
        writes: [{ kind: 'flags', tenant: PLATFORM, key, value, expect: document }, ...historyWrites(key, entry)],
        event: changeEvent(key, entry, affected),
      })
      if (committed.status === 'committed') {
        const { version, changes, cancelled = [], at } = entry
        return { version, changes, affected, cancelled, ...(at !== undefined && { at }) }
      }
    }
    throw conflict(key, (await this.read(key)).flag.version)
  }

  async #affected(key: string, { before, after, at }: DecidedChange): Promise<AffectedTenants | 'unknown'> {
    const { port } = this.#options
    const tenants = port.tenants()
    if (!tenants) return 'unknown'
    return affectedTenants(() => this.#comparison(key, before, after, at ?? port.now()), tenants)
  }

  async #base(key: string, setting: FlagSetting, at: number) {
    const { port, check } = this.#options
    const declared = this.#declared(key)
    const { definitions: others } = await this.#effective(at)
    return {
      key,
      declared,
      setting,
      problems: (definition: unknown) =>
        definitionProblems((given, path) => check(given, path, others), key, declared, definition),
      kept: async (version: number): Promise<FlagHistoryEntry | undefined> => {
        const query = { tenant: PLATFORM, kinds: ['definitions'], key: documentKey(key, version) } as const
        const { documents } = await port.read(query)
        return documents[0] && historyEntry(key, documents[0])
      },
    }
  }

  async #comparison(key: string, before: FlagSetting, after: FlagSetting, at: number): Promise<FlagComparison> {
    const { port, engine, plans, prepare, compile, check } = this.#options
    const declared = this.#declared(key)
    const { definitions: others, versions } = await this.#effective(at)
    const served = (setting: FlagSetting): FlagDefinition =>
      servedDefinition((given, path) => check(given, path), key, declared, setting)
    const old = { ...others, [key]: served(before) }
    const young = { ...others, [key]: served(after) }
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
      overrides: await overridesOf((query) => port.list(query), keys, at),
    }
  }

  async #effective(at: number): Promise<EffectiveDefinitions> {
    const { documents } = await this.#options.port.read({ tenant: PLATFORM, kinds: ['flags'] })
    const { catalog, check } = this.#options
    // As snapshots take them: what was right beside the others of its time holds.
    return effectiveDefinitions(catalog, documents, at, (given, path) => check(given, path))
  }

  #declared(key: string): FlagDefinition {
    const declared = Object.hasOwn(this.#options.catalog, key) ? this.#options.catalog[key] : undefined
    if (!declared) throw new ThroughlineError('FLAG_UNKNOWN')
    return declared
  }

  #timeOf(at: FlagChangeOptions['at'], flag: StoredFlag, now: number): number | undefined {
    if (at === undefined) return undefined
    const time = momentOf(at)
    if (time === undefined) throw flagInvalid(`"at" is no time: ${MOMENT_HINT}`)
    if (time <= now) throw flagInvalid('"at" is not in the future: leave it out for a change that holds at once.')
    if (waitingAt(flag, now).filter((waiting) => waiting.at < time).length >= MAX_SCHEDULED) {
      throw flagInvalid(`${MAX_SCHEDULED} changes are scheduled already, and no more may be.`)
    }
    return time
  }
}

function conflict(key: string, version: number): ThroughlineError {
  return new ThroughlineError('FLAG_CONFLICT', {
    message: `"${key}" was changed meanwhile: its newest version is ${version}.`,
    details: { key, version },
  })
}
