import type { PgliteClient } from './pglite.ts'
import type { Listening } from './session.ts'

/** Listens on the one connection, beside whoever else listens there. */
export class PgliteListening implements Listening {
  readonly started: Promise<void>
  #deafen: (() => void) | undefined
  #ended = false

  /** @param onNotice hears the schema in which something was committed */
  constructor(client: PgliteClient, onNotice: (schema: string) => void) {
    this.started = this.#start(client, onNotice)
  }

  async end(): Promise<void> {
    this.#ended = true
    this.#deafen?.()
  }

  async #start(client: PgliteClient, onNotice: (schema: string) => void): Promise<void> {
    const connection = await client.acquireConnection()
    try {
      if (this.#ended) return
      await connection.transaction((transaction) => transaction.exec('LISTEN throughline'))
      this.#deafen = connection.onNotification((channel, payload) => {
        if (channel === 'throughline' && !this.#ended) onNotice(payload)
      })
    } finally {
      await client.releaseConnection(connection)
    }
  }
}
