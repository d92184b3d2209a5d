import type { Client } from 'pg'
import { endedWithin } from './ended-within.ts'
import type { PgPackage } from './pg-driver.ts'
import { servingKey } from './serving.ts'
import type { Listening, ListenOptions } from './session.ts'
import { STAYS } from './setup.ts'

const CONNECT_MS = 10_000
const FAREWELL_MS = 500

/** Listens on a connection of its own. */
export class PgListening implements Listening {
  readonly started: Promise<void>
  #client: Client | undefined
  #ended = false

  constructor(pg: PgPackage, options: ListenOptions) {
    this.started = this.#start(pg, options)
  }

  async end(): Promise<void> {
    this.#ended = true
    if (this.#client) await endedWithin(this.#client.end(), FAREWELL_MS)
  }

  async #start(pg: PgPackage, { schema, settings, onNotice, onLost }: ListenOptions): Promise<void> {
    const client = new pg.Client({
      application_name: 'throughline',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_MS,
      ...(await settings()),
    })
    if (this.#ended) return
    this.#client = client
    client.on('error', onLost)
    client.on('end', onLost)
    client.on('notification', ({ payload }) => onNotice(payload ?? ''))
    try {
      await client.connect()
      // Nobody waits for a notice: it keeps no process alive, and may take its time.
      ;(client as Client & { unref(): void }).unref()
      await client.query(`SET statement_timeout = 0; SET lock_timeout = 0; ${STAYS}`)
      await client.query(`LISTEN throughline; SELECT pg_advisory_lock_shared(${servingKey(schema)})`)
    } catch (error) {
      // Only the statement may have failed: the next attempt has a connection of its own.
      await this.end()
      throw error
    }
  }
}
