import type { Listening, ListenOptions, PostgresDriver } from './session.ts'

const RETRY_FIRST_MS = 100
const RETRY_LAST_MS = 10_000

export interface NoticesOptions extends Pick<ListenOptions, 'schema' | 'settings'> {
  readonly driver: PostgresDriver
}

/** Listens for what other processes commit; starts again when it breaks. */
export class Notices {
  readonly #options: NoticesOptions
  readonly #listener: () => void
  #listening: Listening | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = RETRY_FIRST_MS
  #stopped = false

  constructor(options: NoticesOptions, listener: () => void) {
    this.#options = options
    this.#listener = listener
    void this.#listen()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#listening?.end()
  }

  async #listen(): Promise<void> {
    const { driver, schema, settings } = this.#options
    let lost = false
    const onLost = (): void => {
      if (lost || this.#stopped) return
      lost = true
      this.#listening = undefined
      this.#timer = setTimeout(() => void this.#listen(), this.#delay).unref()
      this.#delay = Math.min(this.#delay * 2, RETRY_LAST_MS)
    }
    const onNotice = (changed: string): void => {
      if (changed === schema) this.#listener()
    }
    this.#listening = driver.listen({ schema, settings, onNotice, onLost })
    try {
      await this.#listening.started
      if (lost || this.#stopped) return
      this.#delay = RETRY_FIRST_MS
      // What was committed while nobody listened.
      this.#listener()
    } catch {
      onLost()
    }
  }
}
