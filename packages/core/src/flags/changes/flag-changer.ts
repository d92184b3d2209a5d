import type { FlagDefinition, PlanDefinition } from '../../catalog/definitions.ts'
import type { Problem } from '../../catalog/problems.ts'
import { describe } from '../../catalog/problems.ts'
import { ThroughlineError } from '../../errors.ts'
import { inTime } from '../../in-time.ts'
import type { MaybePromise } from '../../maybe-promise.ts'
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
import {
  MAX_SCHEDULED,
  readStoredFlag,
  settingAt,
  settingUntil,
  waitingAt,
  withoutScheduled,
  withSetting,
} from './stored-flag.ts'
import { TenantOutcomes } from './tenant-outcomes.ts'
import { allOverrides, someOverrides } from './tenant-overrides.ts'

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

type AffectedBy = (decided: DecidedChange) => MaybePromise<AffectedTenants | 'unknown'>

/** Looking at tenants takes time in which others change the flag: the first attempts of a change take it. */
const UNHURRIED = 2
/** Further attempts, each over the newest version: of this process one change of a flag makes them at a time. */
const HURRIED = 50
/** One whose turn takes longer, ms, holds up nobody: of two that write, one comes too late and goes on anew. */
const TURN_MS = 10_000

/** Changes flags: each change one version, compared and set, on the operator's trail in the same transaction. */
export class FlagChanger {
  readonly #options: FlagChangerOptions
  /** By flag: the last of those that wait for each other. */
  readonly #turns = new Map<string, Promise<unknown>>()

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
      const base = settingAt(flag, at ?? now)
      const setting = await settingBy(await this.#base(key, base, at ?? now), change)
      const changed = withSetting(flag, setting, now, at)
      // One that was scheduled for the same time is a part of this one, and never holds by itself.
      const before = at === undefined ? base : settingUntil(flag, at)
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
    return this.#comparison(key, before, { ...after, version: flag.version + 1 }, now, allOverrides)
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
    refuseVersion(expectedVersion)
    const attempts = async (most: number, affectedBy: AffectedBy): Promise<FlagChangeResult | undefined> => {
      for (let attempt = 1; attempt <= most; attempt++) {
        const { flag, document } = await this.read(key)
        if (expectedVersion !== undefined && expectedVersion !== flag.version) throw conflict(key, flag.version)
        const decided = await decide(flag)
        const made = await this.#make(key, document, decided, await affectedBy(decided))
        if (made) return made
      }
      return undefined
    }
    const made =
      (await attempts(UNHURRIED, (decided) => this.#affected(key, decided))) ??
      (await this.#inTurn(key, () => attempts(HURRIED, () => 'unknown')))
    if (made) return made
    throw conflict(key, (await this.read(key)).flag.version)
  }

  /** `undefined`: somebody was faster. */
  async #make(
    key: string,
    document: number,
    decided: DecidedChange,
    affected: AffectedTenants | 'unknown',
  ): Promise<FlagChangeResult | undefined> {
    const { port } = this.#options
    const entry = changeEntry(decided, this.#declared(key), port.acting(), port.now())
    const value = decided.next as unknown as Json
    const committed = await port.commit(PLATFORM, {
      writes: [{ kind: 'flags', tenant: PLATFORM, key, value, expect: document }, ...historyWrites(key, entry)],
      event: changeEvent(key, entry, affected),
    })
    if (committed.status !== 'committed') return undefined
    const { version, changes, cancelled = [], at } = entry
    return { version, changes, affected, cancelled, ...(at !== undefined && { at }) }
  }

  #inTurn<T>(key: string, fn: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve()
    const turn = before.then(fn)
    const over = before.then(() => inTime(TURN_MS, `A change of "${key}"`, turn))
    this.#turns.set(
      key,
      over.catch(() => undefined),
    )
    return turn
  }

  async #affected(key: string, { before, after, at }: DecidedChange): Promise<AffectedTenants | 'unknown'> {
    const { port } = this.#options
    const tenants = port.tenants()
    if (!tenants) return 'unknown'
    return affectedTenants(() => this.#comparison(key, before, after, at ?? port.now(), someOverrides), tenants)
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

  async #comparison(
    key: string,
    before: FlagSetting,
    after: FlagSetting,
    at: number,
    overridesBy: typeof allOverrides,
  ): Promise<FlagComparison> {
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
      overrides: await overridesBy((query) => port.list(query), keys, at),
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
    if (!declared) throw new ThroughlineError('FLAG_NOT_FOUND')
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

/** What is no version is nobody's: it would be refused for ever as if others had been faster. */
function refuseVersion(expected: unknown): void {
  if (expected === undefined || (Number.isSafeInteger(expected) && (expected as number) >= 0)) return
  throw flagInvalid(`"expectedVersion" is ${describe(expected)}; it must be a version's number, as \`get\` answers it.`)
}

function conflict(key: string, version: number): ThroughlineError {
  return new ThroughlineError('FLAG_CONFLICT', {
    message: `"${key}" was changed meanwhile: its newest version is ${version}.`,
    details: { key, version },
  })
}
