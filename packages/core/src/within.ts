import type { JoinedRecord, Scope, ScopeHold, UsageEntry } from './context/index.ts'
import { decideHolds, runJoined } from './context/index.ts'
import { ThroughlineError } from './errors.ts'
import { Activity } from './journal/index.ts'
import type { JournalEvent } from './storage/journal-record.ts'

/** A transaction of the app's own, as its storage knows it: on Postgres a knex transaction. */
export interface AppTransaction {
  isCompleted(): boolean
  /** Resolves once it is committed. */
  readonly executionPromise?: Promise<unknown> | undefined
}

/** What `within` needs of its instance. */
export interface WithinHost {
  /** The open tenant context; throws `TENANT_REQUIRED` outside of one. */
  scope(): Scope
  /** Throws `WITHIN_UNSUPPORTED` where nothing can join a transaction. */
  checkJoins(): void
  /** Appends lines through a transaction. */
  append(transaction: AppTransaction, tenant: string, lines: readonly string[]): Promise<void>
  now(): number
}

/** Runs `fn`; what it recorded is one row of the journal, in the transaction, once `fn` has ended well. */
export async function runWithin<R>(
  host: WithinHost,
  transaction: AppTransaction,
  fn: () => R | Promise<R>,
): Promise<R> {
  const scope = host.scope()
  if (typeof fn !== 'function') {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: `within: the function to run is missing. It is called as throughline.within(trx, async () => { … }).`,
    })
  }
  host.checkJoins()
  const record = new TransactionRecord(scope, () => host.now())
  try {
    const result = await runJoined(scope, record, fn)
    await decideHolds(record.holds, true)
    const lines = record.close()
    if (lines.length > 0) await host.append(transaction, scope.tenant.id, lines)
    return result
  } catch (error) {
    record.close()
    await decideHolds(record.holds, false)
    throw error
  }
}

/** The record of one call of `within`: a line of its own, of the same tenant, actor and trace as its context's. */
class TransactionRecord implements JoinedRecord {
  readonly holds: ScopeHold[] = []
  readonly #lines: string[] = []
  readonly #activity: Activity
  #open = true

  constructor(scope: Scope, now: () => number) {
    const add = async (_tenant: string, line: string): Promise<void> => {
      this.#lines.push(line)
    }
    this.#activity = new Activity({ now, add, closed: () => undefined }, scope.activity.traceId)
    this.#activity.tenant = scope.tenant.id
    this.#activity.actor = scope.actor
    this.#activity.request = scope.request
  }

  get isOpen(): boolean {
    return this.#open
  }

  note(event: JournalEvent): void {
    this.#activity.note(event)
  }

  recordUsage(entry: UsageEntry): void {
    this.#activity.recordUsage(entry)
  }

  hold(hold: ScopeHold): void {
    this.holds.push(hold)
  }

  /** Takes no more; answers what it has. */
  close(): readonly string[] {
    this.#open = false
    void this.#activity.settlePart()
    return this.#lines
  }
}
