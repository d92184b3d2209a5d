import type { Client, ClientConfig } from 'pg'
import type { PostgresDriver } from './load-driver.ts'
import { endedWithin } from './pool.ts'

const RETRY_FIRST_MS = 100
const RETRY_LAST_MS = 10_000
const CONNECT_MS = 10_000
const FAREWELL_MS = 500

export interface NoticesOptions {
  readonly driver: PostgresDriver
  readonly schema: string
  settings(): Promise<ClientConfig>
}

/** Listens on a connection of its own for what other processes commit; makes a new one when it breaks. */
export class Notices {
  readonly #options: NoticesOptions
  readonly #listener: () => void
  #client: Client | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = RETRY_FIRST_MS
  #stopped = false

  constructor(options: NoticesOptions, listener: () => void) {
    this.#options = options
    this.#listener = listener
    void this.#connect()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    if (this.#client) await endedWithin(this.#client.end(), FAREWELL_MS)
  }

  async #connect(): Promise<void> {
    const { driver, schema, settings } = this.#options
    let lost = false
    const retry = (): void => {
      if (lost || this.#stopped) return
      lost = true
      this.#client = undefined
      this.#timer = setTimeout(() => void this.#connect(), this.#delay).unref()
      this.#delay = Math.min(this.#delay * 2, RETRY_LAST_MS)
    }
    try {
      const client = new driver.Client({
        application_name: 'throughline',
        keepAlive: true,
        connectionTimeoutMillis: CONNECT_MS,
        ...(await settings()),
      })
      if (this.#stopped) return
      this.#client = client
      client.on('error', retry)
      client.on('end', retry)
      client.on('notification', ({ payload }) => {
        if (payload === schema) this.#listener()
      })
      await client.connect()
      // Nobody waits for a notice: it keeps no process alive.
      ;(client as Client & { unref(): void }).unref()
      await client.query('LISTEN throughline')
      if (this.#stopped) await client.end()
      this.#delay = RETRY_FIRST_MS
      // What was committed while nobody listened.
      this.#listener()
    } catch {
      retry()
    }
  }
}
