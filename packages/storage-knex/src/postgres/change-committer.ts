import type { Change, CommitResult } from '@throughline/core/storage'
import { changeStream, sealBatch, ThroughlineError } from '@throughline/core/storage'
import { documentTable } from '../migrations/migrations.ts'
import { codeOf, isRepeatable, isState, unavailable } from './failure.ts'
import { otherKey, printOf } from './journal-key.ts'
import { slotOf } from './journal-slots.ts'
import type { Newest } from './journal-writer.ts'
import type { PostgresConnection, PostgresPool } from './pool.ts'
import { fromColumn, toColumn } from './text.ts'

/** Changes of one transaction at the most: each is undone alone, which the database keeps account of. */
const MAX_CHANGES = 50
const MAX_BYTES = 1_024 * 1_024
const ATTEMPTS = 4

const COMMIT = 'SELECT throughline_commit($1, $2, $3, $4, $5, $6, $7, $8::jsonb)::text AS answer'
const UNIQUE_VIOLATION = '23505'

interface Waiting {
  /** Its writes and quotas, as the database takes them. */
  readonly parts: object
  readonly body: string
  readonly resolve: (result: CommitResult) => void
  readonly reject: (error: unknown) => void
}

interface Answer {
  readonly key?: true
  readonly newest?: Newest
  readonly results?: readonly CommitResult[]
}

/**
 * A process's changes of one lane. Those that are called for while a transaction is under way are the next one, a single
 * round trip: a chain has one end, and can only be continued by one at a time.
 */
class ChangeStream {
  readonly #pool: PostgresPool
  readonly #secret: string
  readonly #now: () => number
  readonly #stream: string
  readonly #lane: number
  readonly #queue: Waiting[] = []
  #newest: Newest = { seq: 0, mac: '' }
  #busy = false
  /** How many of the next ones go alone: together with others they were refused by the server. */
  #alone = 0

  constructor(pool: PostgresPool, secret: string, now: () => number, change: Change) {
    this.#pool = pool
    this.#secret = secret
    this.#now = now
    this.#stream = changeStream(change)
    this.#lane = change.lane
  }

  commit(change: Change): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ parts: encoded(change), body: change.body, resolve, reject })
      if (!this.#busy) {
        this.#busy = true
        setImmediate(() => void this.#drain())
      }
    })
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#take()
      const sent = { unanswered: false }
      try {
        const results = await this.#pool.use((connection) => this.#send(connection, batch, sent))
        for (const [i, result] of results.entries()) batch[i]?.resolve(result)
        // What came after a change that was refused is sealed anew.
        this.#queue.unshift(...batch.slice(results.length))
      } catch (error) {
        this.#fail(batch, error, sent.unanswered)
      }
    }
    this.#busy = false
  }

  #take(): Waiting[] {
    let bytes = 0
    let count = 0
    const most = this.#alone > 0 ? 1 : MAX_CHANGES
    this.#alone = Math.max(0, this.#alone - 1)
    for (const { body } of this.#queue) {
      bytes += body.length
      if (count === most || (count > 0 && bytes > MAX_BYTES)) break
      count += 1
    }
    return this.#queue.splice(0, count)
  }

  #fail(batch: readonly Waiting[], error: unknown, sent: boolean): void {
    const refused = error instanceof ThroughlineError && isState(error.details.postgres)
    if (refused && batch.length > 1) {
      // Nothing of it was done, and one of them is to blame.
      this.#queue.unshift(...batch)
      this.#alone = batch.length
      return
    }
    // Of what the server refuses nothing was done; of what it does not answer nobody knows.
    const failure = sent && !refused ? new ThroughlineError('OUTCOME_UNKNOWN', { cause: error }) : error
    for (const { reject } of batch) reject(failure)
    // What has waited behind it must not wait as long again.
    if (!refused) for (const { reject } of this.#queue.splice(0)) reject(error)
  }

  /** @param sent whether a statement is under way whose outcome nobody knows */
  async #send(
    connection: PostgresConnection,
    batch: readonly Waiting[],
    sent: { unanswered: boolean },
  ): Promise<readonly CommitResult[]> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { text, newest } = this.#seal(batch)
      sent.unanswered = true
      const answer = await this.#ask(connection, text)
      sent.unanswered = false
      if (answer.key) throw otherKey()
      if (answer.newest) this.#newest = answer.newest
      if (!answer.results) continue
      const { results } = answer
      this.#newest =
        newest[results.at(-1)?.status === 'committed' ? results.length : results.length - 1] ?? this.#newest
      return results.map(decoded)
    }
    throw unavailable('A change found no place at the end of its chain.')
  }

  /** An empty answer: nothing was done, and it can be tried again. */
  async #ask(connection: PostgresConnection, changes: string): Promise<Answer> {
    const { seq, mac } = this.#newest
    const at = this.#now()
    const values = [this.#stream, seq, mac, printOf(this.#secret), this.#lane, slotOf(at), at, changes]
    try {
      const row = await connection.get<{ answer: string }>(COMMIT, ...values)
      return JSON.parse(row?.answer ?? '{}')
    } catch (error) {
      if (isRepeatable(error) || codeOf(error) === UNIQUE_VIOLATION) return {}
      throw error
    }
  }

  /** The changes as the database takes them, and where the chain ends after each of them. */
  #seal(batch: readonly Waiting[]): { text: string; newest: readonly Newest[] } {
    const newest: Newest[] = [this.#newest]
    let last = this.#newest
    const changes = batch.map(({ parts, body }) => {
      if (body !== '[]') {
        const seq = last.seq + 1
        const prev = last.mac
        const mac = sealBatch(this.#secret, { writer: this.#stream, seq, prev, body })
        last = { seq, mac }
        newest.push(last)
        return { ...parts, seq, prev, mac, body }
      }
      newest.push(last)
      return parts
    })
    return { text: JSON.stringify(changes), newest }
  }
}

/** Commits changes, each stream's in the order in which they are called for. */
export class ChangeCommitter {
  readonly #pool: PostgresPool
  readonly #secret: string
  readonly #now: () => number
  readonly #streams = new Map<string, ChangeStream>()

  constructor(pool: PostgresPool, secret: string, now: () => number) {
    this.#pool = pool
    this.#secret = secret
    this.#now = now
  }

  commit(change: Change): Promise<CommitResult> {
    const name = changeStream(change)
    let stream = this.#streams.get(name)
    if (!stream) {
      stream = new ChangeStream(this.#pool, this.#secret, this.#now, change)
      this.#streams.set(name, stream)
    }
    return stream.commit(change)
  }
}

function encoded({ writes, quotas }: Change): object {
  return {
    writes: writes.map(({ kind, tenant, key, value, expect }) => {
      documentTable(kind)
      const text = value === null ? null : JSON.stringify(value)
      return { kind, tenant: stored(tenant), key: stored(key), value: text, expect }
    }),
    quotas: quotas.map(({ tenant, meter, period, delta, limit, seed }) => {
      return { tenant: stored(tenant), meter: stored(meter), period, delta, most: limit, seed }
    }),
  }
}

function stored(text: string): string {
  return toColumn(text.toWellFormed())
}

function decoded(result: CommitResult): CommitResult {
  if (result.status !== 'committed') return result
  return { ...result, versions: result.versions.map(({ scope, version }) => ({ scope: fromColumn(scope), version })) }
}
