import type { JournalBatch } from '@throughline/core/storage'
import { sealBatch, ThroughlineError } from '@throughline/core/storage'
import { codeOf, isState, unavailable } from './failure.ts'
import { otherKey, printOf } from './journal-key.ts'
import { APP_SLOT } from './journal-slots.ts'
import { quoted } from './migrate.ts'

/** What is used of a knex transaction. */
interface KnexTransaction {
  readonly isTransaction?: unknown
  isCompleted(): boolean
  readonly client: KnexClient
}

interface KnexClient {
  readonly dialect?: unknown
  /** Of a transaction: always its own. */
  acquireConnection(): Promise<unknown>
  /** Runs a statement as it is: not scoped to a tenant, and told to nobody who listens to the app's statements. */
  _query(connection: unknown, query: object): Promise<{ readonly response?: { readonly rows?: readonly unknown[] } }>
}

/** SQLSTATEs of a database in which there is no such schema or table, or none of what it must have. */
const ELSEWHERE = ['3F000', '42P01', '42703']
const FORBIDDEN = '42501'

/** Appends to the journal through transactions of the app's own. */
export class AppTransactions {
  readonly #schema: string
  readonly #secret: string
  readonly #now: () => number
  readonly #append: string

  constructor(schema: string, secret: string, now: () => number) {
    this.#schema = schema
    this.#secret = secret
    this.#now = now
    const place = quoted(schema)
    this.#append = `INSERT INTO ${place}.throughline_journal (slot, lane, writer, seq, prev, mac, appended_at, body)
SELECT $1::bigint, $2::bigint, $3::text, $4::bigint, '', $5::text, $6::bigint, $7::text
WHERE (SELECT w.mac FROM ${place}.throughline_writers AS w WHERE w.writer = '$key') = $8::text
RETURNING true AS added`
  }

  /**
   * Appends the one batch of its writer. What the server refuses has ended the transaction, as any of its statements
   * would have.
   *
   * @throws ThroughlineError `WITHIN_UNSUPPORTED`, `RECORDS_UNAVAILABLE`
   */
  async append(transaction: unknown, { writer, seq, lane, body }: JournalBatch): Promise<void> {
    const { client } = checked(transaction)
    const mac = sealBatch(this.#secret, { writer, seq, prev: '', body })
    const bindings = [APP_SLOT, lane, writer, seq, mac, this.#now(), body, printOf(this.#secret)]
    const rows = await this.#run(client, bindings)
    if (rows.length === 0) throw otherKey()
  }

  async #run(client: KnexClient, bindings: readonly unknown[]): Promise<readonly unknown[]> {
    try {
      const { response } = await client._query(await client.acquireConnection(), { sql: this.#append, bindings })
      return response?.rows ?? []
    } catch (error) {
      throw this.#failure(codeOf(error))
    }
  }

  /** By its code alone: a message may hold what was to be recorded. */
  #failure(code: string | undefined): ThroughlineError {
    const details = code === undefined ? {} : { postgres: code }
    if (code !== undefined && ELSEWHERE.includes(code)) {
      return new ThroughlineError('WITHIN_UNSUPPORTED', {
        message: `In the database of this transaction there is no journal in the schema "${this.#schema}".`,
        details,
      })
    }
    if (code === FORBIDDEN) {
      return new ThroughlineError('WITHIN_UNSUPPORTED', {
        message: `The role of this transaction may not append to the journal in the schema "${this.#schema}".`,
        remedy: 'Grant it what the app has: `npx throughline migrate --grant <role>`.',
        details,
      })
    }
    return unavailable('The record could not join the transaction.', isState(code) ? details : {})
  }
}

function checked(transaction: unknown): KnexTransaction {
  const found = transaction as Partial<KnexTransaction> | null | undefined
  if (found?.isTransaction !== true || typeof found.isCompleted !== 'function' || !found.client?._query) {
    throw unsupported('within() takes a knex transaction, and was given something else.')
  }
  if (found.client.dialect !== 'postgresql') {
    throw unsupported('The records are on Postgres, and this transaction is not.')
  }
  if (found.isCompleted()) throw unsupported('This transaction is over.')
  return found as KnexTransaction
}

function unsupported(message: string): ThroughlineError {
  return new ThroughlineError('WITHIN_UNSUPPORTED', {
    message,
    remedy: 'Call it inside: `database.transaction((trx) => throughline.within(trx, async () => { … }))`.',
  })
}
