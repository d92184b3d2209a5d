import type { FlagDefinition } from '../../catalog/definitions.ts'
import type { Json } from '../../vocabulary.ts'

/** What one version of a flag says. */
export interface FlagSetting {
  readonly version: number
  /** Absent: the catalog's. */
  readonly definition?: FlagDefinition
  /** Everybody gets the catalog's default, `DISABLED`. */
  readonly archived?: true
}

/** A setting that holds from a time on, ms, without anybody having to be there. */
export interface ScheduledSetting extends FlagSetting {
  readonly at: number
}

/** A flag as it was changed at run time. */
export interface StoredFlag {
  /** Of the newest version, in effect or not: dense, from 1; 0 if it was never changed. */
  readonly version: number
  readonly current: FlagSetting
  /** By time. Those whose time has come hold, the last of them for all. */
  readonly scheduled: readonly ScheduledSetting[]
}

/** Changes of one flag that may wait for their time. */
export const MAX_SCHEDULED = 20

const UNCHANGED: StoredFlag = { version: 0, current: { version: 0 }, scheduled: [] }

/** What a document of kind `flags` holds; a flag without one was never changed. */
export function readStoredFlag(value: Json | undefined): StoredFlag {
  if (value === undefined) return UNCHANGED
  const stored = value as unknown as StoredFlag | FlagDefinition
  // Documents of the first schema are the definition itself.
  if (!('current' in stored)) return { version: 1, current: { version: 1, definition: stored }, scheduled: [] }
  return stored
}

/** What holds at a time, ms. */
export function settingAt({ current, scheduled }: StoredFlag, now: number): FlagSetting & { readonly at?: number } {
  return scheduled.findLast(({ at }) => at <= now) ?? current
}

/** What holds up to a time, ms, and not at it any more if anything begins then. */
export function settingUntil({ current, scheduled }: StoredFlag, time: number): FlagSetting {
  return scheduled.findLast(({ at }) => at < time) ?? current
}

/** What waits for its time, by time. */
export function waitingAt({ scheduled }: StoredFlag, now: number): readonly ScheduledSetting[] {
  return scheduled.filter(({ at }) => at > now)
}

/** A flag after a change, and what that change cancelled. */
export interface NextFlag {
  readonly next: StoredFlag
  readonly cancelled: readonly ScheduledSetting[]
}

/**
 * Adds a version. It cancels whatever was to come after it: a flag that is switched off stays off, and a step that was
 * prepared on top of another definition never replaces this one.
 *
 * @param at ms, later than `now`: when it begins to hold; at once unless given
 */
export function withSetting(
  flag: StoredFlag,
  setting: Omit<FlagSetting, 'version'>,
  now: number,
  at: number | undefined,
): NextFlag {
  const version = flag.version + 1
  const waiting = waitingAt(flag, now)
  if (at === undefined) {
    return { next: { version, current: { ...setting, version }, scheduled: [] }, cancelled: waiting }
  }
  const before = waiting.filter((other) => other.at < at)
  return {
    next: {
      version,
      current: plain(settingAt(flag, now)),
      scheduled: [...before, { ...setting, version, at }],
    },
    cancelled: waiting.slice(before.length),
  }
}

/** Takes back a scheduled version, and those after it: they were made on top of it. `undefined` if none waits by this number. */
export function withoutScheduled(flag: StoredFlag, version: number, now: number): NextFlag | undefined {
  const waiting = waitingAt(flag, now)
  const first = waiting.findIndex((setting) => setting.version === version)
  if (first < 0) return undefined
  const next = flag.version + 1
  return {
    next: {
      version: next,
      current: { ...plain(settingAt(flag, now)), version: next },
      scheduled: waiting.slice(0, first),
    },
    cancelled: waiting.slice(first),
  }
}

function plain({ version, definition, archived }: FlagSetting): FlagSetting {
  return { version, ...(definition && { definition }), ...(archived && { archived }) }
}
