import type { ServerResponse } from 'node:http'
import { runIn } from '../../context/ambient.ts'
import type { Scope } from '../../context/scope.ts'
import { ThroughlineError } from '../../errors.ts'
import { versionOf } from './flag-version.ts'

const HEADERS = {
  'Content-Type': 'text/event-stream',
  // Nothing may keep it, compress it or wait for more of it.
  'Cache-Control': 'private, no-store, no-transform',
  'X-Accel-Buffering': 'no',
}
/** ms after which a client that lost its stream tries again. */
const RETRY_MS = 5_000
/** Bytes that wait for a client which does not read them; then it is gone. */
const MAX_WAITING = 16_384

export interface FlagStreamOptions {
  readonly scope: Scope
  readonly response: ServerResponse
  /** ms */
  readonly keepAlive: number
  /** ms */
  readonly lifetime: number
  /** The last event that a client which comes back has seen. */
  readonly lastEventId: string | undefined
  onFailure(error: unknown): void
}

/**
 * One client that listens whether its flags may have changed, as server-sent events. Nothing of their values is told:
 * the client asks again. All that it does by itself is done in the context that opened it.
 */
export class FlagStream {
  readonly #options: FlagStreamOptions
  readonly #timer: NodeJS.Timeout
  readonly #endsAt: number
  #told: string | undefined
  #looking = false
  #again = false

  /** Sends the head, and tells a client that is not known to be up to date to ask again. */
  constructor(options: FlagStreamOptions) {
    const { response, keepAlive, scope, lastEventId } = options
    this.#options = options
    this.#endsAt = scope.owner.now() + options.lifetime
    this.#timer = setInterval(() => void this.#look(false), keepAlive)
    this.#timer.unref()
    response.writeHead(200, HEADERS)
    response.write(`retry: ${RETRY_MS}\n\n`)
    if (lastEventId === versionOf(scope.snapshot)) this.#told = lastEventId
    else this.#tell()
  }

  /** Flags may have changed. */
  changed(): void {
    runIn(this.#options.scope, () => void this.#look(true))
  }

  end(): void {
    this.release()
    this.#options.response.end()
  }

  /** The response is closed. */
  release(): void {
    clearInterval(this.#timer)
  }

  /** Looks again at the tenant, and at whether the actor may still see it; a sign of life where nothing changed. */
  async #look(changed: boolean): Promise<void> {
    if (this.#looking) {
      this.#again ||= changed
      return
    }
    const { scope, response, onFailure } = this.#options
    this.#looking = true
    try {
      await scope.owner.reload(scope)
    } catch (error) {
      if (error instanceof ThroughlineError && error.status < 500) {
        this.end()
        return
      }
      // While the records can't be read there is nothing to tell, and nobody to turn away.
      onFailure(error)
    } finally {
      this.#looking = false
    }
    if (scope.owner.now() >= this.#endsAt) {
      this.end()
      return
    }
    if (response.writableLength > MAX_WAITING) response.destroy()
    else if (changed || this.#told !== versionOf(scope.snapshot)) this.#tell()
    else this.#write(':\n\n')
    if (!this.#again) return
    this.#again = false
    await this.#look(true)
  }

  #tell(): void {
    const { scope } = this.#options
    const version = versionOf(scope.snapshot)
    this.#told = version
    const data = { type: 'refetchEvaluation', etag: version, lastModified: Math.floor(scope.owner.now() / 1_000) }
    this.#write(`id: ${version}\nevent: message\ndata: ${JSON.stringify(data)}\n\n`)
  }

  #write(text: string): void {
    const { response } = this.#options
    if (!response.writableEnded && !response.destroyed) response.write(text)
  }
}
