import type { FlagDefinition } from '../../catalog/definitions.ts'
import type { JournalEvent } from '../../storage/journal-record.ts'
import type { Actor, Json } from '../../vocabulary.ts'
import type { AffectedTenants } from './affected-tenants.ts'
import { definitionOf } from './effective-definitions.ts'
import { flagDiff } from './flag-diff.ts'
import type { FlagChangeKind, FlagHistoryEntry } from './flag-history.ts'
import type { FlagSetting, NextFlag } from './stored-flag.ts'

/** A change of one flag, decided and not yet made. */
export interface DecidedChange extends NextFlag {
  readonly kind: FlagChangeKind
  readonly before: FlagSetting
  readonly after: FlagSetting
  /** ms: when it begins to hold; `undefined` at once. */
  readonly at: number | undefined
}

/** A change as history keeps it. */
export function changeEntry(
  { kind, next, before, after, at, cancelled }: DecidedChange,
  declared: FlagDefinition,
  by: { readonly actor: Actor; readonly reason: string },
  now: number,
): FlagHistoryEntry {
  const { type, id, name } = by.actor
  return {
    version: next.version,
    change: kind,
    changedAt: new Date(now).toISOString(),
    actor: { type, id, ...(name !== undefined && { name }) },
    reason: by.reason,
    ...(at !== undefined && { at: new Date(at).toISOString() }),
    ...(after.definition && { definition: after.definition }),
    ...(after.archived && { archived: after.archived }),
    changes: flagDiff(definitionOf(declared, before), definitionOf(declared, after)),
    ...(cancelled.length > 0 && { cancelled: cancelled.map(({ version }) => version) }),
  }
}

/** A change as the operator's trail has it: bounded, where history has the whole definition. */
export function changeEvent(
  key: string,
  entry: FlagHistoryEntry,
  affected: AffectedTenants | 'unknown',
): Omit<JournalEvent, 'notable'> {
  const { version, change, changes, at, cancelled } = entry
  return {
    action: `flag.${change}`,
    targets: [{ type: 'flag', id: key }],
    metadata: {
      version,
      changes: changes as unknown as Json,
      affected: affected as unknown as Json,
      ...(at !== undefined && { at }),
      ...(cancelled && { cancelled }),
    },
  }
}
