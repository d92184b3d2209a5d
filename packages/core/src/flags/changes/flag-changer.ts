import { describe } from '../../catalog/problems.ts'
import { ThroughlineError } from '../../errors.ts'
import type { MaybePromise } from '../../maybe-promise.ts'
import type { Moment } from '../../moment.ts'
import { MOMENT_HINT, momentOf } from '../../moment.ts'
import type { PlatformPort } from '../../platform-port.ts'
import type { Json } from '../../vocabulary.ts'
import { PLATFORM } from '../../vocabulary.ts'
import type { AffectedTenants } from './affected-tenants.ts'
import type { DecidedChange } from './change-entry.ts'
import { changeEntry, changeEvent } from './change-entry.ts'
import type { FlagChange } from './flag-change.ts'
import { changeKind, settingBy } from './flag-change.ts'
import type { FlagComparer } from './flag-comparer.ts'
import type { FlagDifference } from './flag-diff.ts'
import { historyWrites } from './flag-history.ts'
import { flagInvalid, refuseOptions } from './flag-invalid.ts'
import type { KnownFlags } from './known-flags.ts'
import type { StoredFlag } from './stored-flag.ts'
import { MAX_SCHEDULED, settingAt, settingUntil, waitingAt, withoutScheduled, withSetting } from './stored-flag.ts'
import { Turns } from './turns.ts'

/** When a change holds, and over what. */
export interface FlagChangeOptions {
  /** Refuse (`FLAG_CONFLICT`) unless the flag's newest version is this one; 0: it was never changed. */
  readonly expectedVersion?: number | undefined
  /** From then on, in every process, and not before: a Date, ms since the epoch, or ISO 8601; later than now. */
  readonly at?: Moment | undefined
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

type AffectedBy = (decided: DecidedChange) => MaybePromise<AffectedTenants | 'unknown'>

/** Looking at tenants takes time in which others change the flag: the first attempts of a change take it. */
const UNHURRIED = 2
/** Further attempts, each over the newest version: of this process one change of a flag makes them at a time. */
const HURRIED = 50

/** Changes flags: each change one version, compared and set, on the operator's trail in the same transaction. */
export class FlagChanger {
  readonly #port: Pick<PlatformPort, 'acting' | 'commit' | 'now'>
  readonly #flags: KnownFlags
  readonly #comparer: FlagComparer
  readonly #turns = new Turns()

  constructor(port: Pick<PlatformPort, 'acting' | 'commit' | 'now'>, flags: KnownFlags, comparer: FlagComparer) {
    this.#port = port
    this.#flags = flags
    this.#comparer = comparer
  }

  /** @throws ThroughlineError `FLAG_INVALID`, `FLAG_CONFLICT` */
  async change(key: string, change: FlagChange, options: FlagChangeOptions = {}): Promise<FlagChangeResult> {
    const kind = changeKind(change)
    refuseOptions(options, ['expectedVersion', 'at'])
    return this.#commit(key, options, async (flag) => {
      const now = this.#port.now()
      const at = beginningOf(options.at, flag, now)
      const base = settingAt(flag, at ?? now)
      const setting = await settingBy(await this.#flags.base(key, base, at ?? now), change)
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
      const now = this.#port.now()
      const cancelled = withoutScheduled(flag, version, now)
      if (!cancelled)
        throw flagInvalid(
          `No scheduled change of "${key}" has the version ${String(version)}: \`get\` answers those that wait.`,
        )
      const holds = settingAt(flag, now)
      return { ...cancelled, kind: 'schedule_cancelled', before: holds, after: cancelled.next.current, at: undefined }
    })
  }

  async #commit(
    key: string,
    { expectedVersion }: Pick<FlagChangeOptions, 'expectedVersion'>,
    decide: (flag: StoredFlag) => Promise<DecidedChange>,
  ): Promise<FlagChangeResult> {
    refuseVersion(expectedVersion)
    const attempts = async (most: number, affectedBy: AffectedBy): Promise<FlagChangeResult | undefined> => {
      for (let attempt = 1; attempt <= most; attempt++) {
        const { flag, document } = await this.#flags.read(key)
        if (expectedVersion !== undefined && expectedVersion !== flag.version) throw conflict(key, flag.version)
        const decided = await decide(flag)
        const made = await this.#make(key, document, decided, await affectedBy(decided))
        if (made) return made
      }
      return undefined
    }
    const made =
      (await attempts(UNHURRIED, (decided) => this.#comparer.affected(key, decided))) ??
      (await this.#turns.take(key, () => attempts(HURRIED, () => 'unknown')))
    if (made) return made
    throw conflict(key, (await this.#flags.read(key)).flag.version)
  }

  /** `undefined`: somebody was faster. */
  async #make(
    key: string,
    document: number,
    decided: DecidedChange,
    affected: AffectedTenants | 'unknown',
  ): Promise<FlagChangeResult | undefined> {
    const port = this.#port
    const entry = changeEntry(decided, this.#flags.declared(key), port.acting(), port.now())
    const value = decided.next as unknown as Json
    const committed = await port.commit(PLATFORM, {
      writes: [{ kind: 'flags', tenant: PLATFORM, key, value, expect: document }, ...historyWrites(key, entry)],
      event: changeEvent(key, entry, affected),
    })
    if (committed.status !== 'committed') return undefined
    const { version, changes, cancelled = [], at } = entry
    return { version, changes, affected, cancelled, ...(at !== undefined && { at }) }
  }
}

/** When a change is to begin to hold, ms; `undefined` for at once. */
function beginningOf(at: FlagChangeOptions['at'], flag: StoredFlag, now: number): number | undefined {
  if (at === undefined) return undefined
  const time = momentOf(at)
  if (time === undefined) throw flagInvalid(`"at" is no time: ${MOMENT_HINT}`)
  if (time <= now) throw flagInvalid('"at" is not in the future: leave it out for a change that holds at once.')
  if (waitingAt(flag, now).filter((waiting) => waiting.at < time).length >= MAX_SCHEDULED) {
    throw flagInvalid(`${MAX_SCHEDULED} changes are scheduled already, and no more may be: cancel one of them first.`)
  }
  return time
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
