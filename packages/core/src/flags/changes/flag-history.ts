import type { FlagDefinition } from '../../catalog/definitions.ts'
import type { DocumentWrite, ListQuery, StoredDocument } from '../../storage/records.ts'
import type { Actor, Json } from '../../vocabulary.ts'
import { PLATFORM } from '../../vocabulary.ts'
import { definitionKey } from './definition-key.ts'
import type { FlagDifference } from './flag-diff.ts'
import type { StoredFlag } from './stored-flag.ts'
import { settingAt, waitingAt } from './stored-flag.ts'

/** What made a version. */
export type FlagChangeKind = 'defined' | 'patched' | 'archived' | 'rolled_back' | 'reset' | 'schedule_cancelled'

/** One version of a flag. */
export interface FlagVersion {
  /** Dense, from 1. */
  readonly version: number
  readonly change: FlagChangeKind
  /** `scheduled`: its time is still to come. `past`: another one holds. */
  readonly status: 'current' | 'scheduled' | 'cancelled' | 'past'
  /** When it was made: ISO 8601, UTC. */
  readonly changedAt: string
  readonly actor: Pick<Actor, 'type' | 'id' | 'name'>
  readonly reason: string
  /** When it begins to hold, where that was scheduled. */
  readonly at?: string
  /** Absent: the catalog's. */
  readonly definition?: FlagDefinition
  readonly archived?: true
  /** What it changes of the version that held before. */
  readonly changes: readonly FlagDifference[]
  /** Scheduled versions that it cancelled. */
  readonly cancelled?: readonly number[]
}

/** A version as it is stored: how it stands is said by the flag. */
export type FlagHistoryEntry = Omit<FlagVersion, 'status'>

/** Versions of a flag that are kept. */
export const KEPT_VERSIONS = 100

/** What keeps a version, and lets the oldest one go. */
export function historyWrites(key: string, entry: FlagHistoryEntry): readonly DocumentWrite[] {
  const write = (version: number, value: Json | null): DocumentWrite => {
    return { kind: 'definitions', tenant: PLATFORM, key: versionKey(key, version), value }
  }
  const kept = write(entry.version, entry as unknown as Json)
  const oldest = entry.version - KEPT_VERSIONS
  return oldest > 0 ? [kept, write(oldest, null)] : [kept]
}

/** The page of documents that has all versions of a flag, and then others. */
export function historyQuery(key: string): ListQuery {
  const after = { tenant: PLATFORM, key: versionKey(key, 0) }
  return { kind: 'definitions', tenant: PLATFORM, after, limit: KEPT_VERSIONS }
}

/** The version that a document of kind `definitions` holds, if it is of this flag. */
export function historyEntry(key: string, document: StoredDocument): FlagHistoryEntry | undefined {
  const entry = document.value as unknown as FlagHistoryEntry
  return document.key === versionKey(key, entry.version) ? entry : undefined
}

/** Where one version is kept. */
export function versionKey(key: string, version: number): string {
  return definitionKey('flag', key, String(version).padStart(10, '0'))
}

/** Versions as they stand at a time, newest first. */
export function asHistory(entries: readonly FlagHistoryEntry[], flag: StoredFlag, now: number): readonly FlagVersion[] {
  const current = settingAt(flag, now).version
  const waiting = new Set(waitingAt(flag, now).map(({ version }) => version))
  const cancelled = new Set(entries.flatMap((entry) => entry.cancelled ?? []))
  const statusOf = (version: number): FlagVersion['status'] => {
    if (version === current) return 'current'
    if (waiting.has(version)) return 'scheduled'
    return cancelled.has(version) ? 'cancelled' : 'past'
  }
  return entries
    .map((entry): FlagVersion => ({ ...entry, status: statusOf(entry.version) }))
    .sort((a, b) => b.version - a.version)
}
