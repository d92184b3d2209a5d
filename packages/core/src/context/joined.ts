import { AsyncLocalStorage } from 'node:async_hooks'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { ScopeHold } from './holds.ts'
import type { UsageEntry } from './scope.ts'

/** What is to join a transaction of the app's own, for as long as the function runs that records it. */
export interface JoinedRecord {
  readonly isOpen: boolean
  note(event: JournalEvent): void
  recordUsage(entry: UsageEntry): void
  /** Something reserved, to be decided when the function has ended. */
  hold(hold: ScopeHold): void
}

interface Joined {
  readonly scope: object
  readonly record: JoinedRecord
}

const joined = new AsyncLocalStorage<Joined>()
/** How many are under way: while it is none, nobody pays for looking. */
let underWay = 0

/** Runs `fn` so that what it records in `scope` goes to `record`. */
export async function runJoined<R>(scope: object, record: JoinedRecord, fn: () => R | Promise<R>): Promise<R> {
  underWay += 1
  try {
    return await joined.run({ scope, record }, async () => fn())
  } finally {
    underWay -= 1
  }
}

/** Where records of this very scope go now; a context that was opened inside is not of the transaction. */
export function joinedOf(scope: object): JoinedRecord | undefined {
  if (underWay === 0) return undefined
  const found = joined.getStore()
  return found?.scope === scope && found.record.isOpen ? found.record : undefined
}
