import type { ServerResponse } from 'node:http'
import { runIn } from '../../context/ambient.ts'
import type { Scope } from '../../context/scope.ts'
import { ThroughlineError } from '../../errors.ts'
import { haveSameVersions, versionOf } from './flag-version.ts'

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
  /** There is something to tell, also where no other state is found. */
  #untold = false
  #looking = false
  #again = false

  /** Sends the head, and tells a client that is not known to be up to date to ask again. */
  constructor(options: FlagStreamOptions) {
    const { response, keepAlive, scope, lastEventId } = options
    this.#options = options
    this.#endsAt = scope.owner.now() + options.lifetime
    // A connection that is kept for other requests would keep a server that closes waiting for its time to be up.
    response.shouldKeepAlive = false
    response.writeHead(200, HEADERS)
    response.write(`retry: ${RETRY_MS}\n\n`)
    if (lastEventId === versionOf(scope)) this.#told = lastEventId
    else this.#tell()
    this.#timer = setInterval(() => this.#tick(), keepAlive)
    this.#timer.unref()
    // What changed since the request was let in has been told to nobody here.
    void this.#look()
  }

  /** Flags may have changed. */
  changed(): void {
    this.#untold = true
    // A look that is under way may have begun before the change.
    if (this.#looking) this.#again = true
    else runIn(this.#options.scope, () => void this.#look())
  }

  /** Ends the response. A client that has not read all of it at the next sign of life is cut off. */
  end(): void {
    this.#options.response.end()
  }

  /** The response is closed. */
  release(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const { scope, response } = this.#options
    if (response.writableEnded) response.destroy()
    // Also while a look that is under way gets no answer.
    else if (scope.owner.now() >= this.#endsAt) this.end()
    else if (!this.#looking) void this.#look()
  }

  /** Looks again at the tenant, and at whether the actor may still see it; a sign of life where nothing changed. */
  async #look(): Promise<void> {
    const { scope, onFailure } = this.#options
    this.#looking = true
    try {
      do {
        this.#again = false
        await scope.owner.reload(scope)
        this.#speak()
      } while (this.#again)
    } catch (error) {
      if (error instanceof ThroughlineError && error.status < 500) this.end()
      else {
        // Whether the actor may still know is not known: a change is told once it is.
        onFailure(error)
        this.#write(':\n\n')
      }
    } finally {
      this.#looking = false
    }
  }

  #speak(): void {
    const told = this.#told
    const version = versionOf(this.#options.scope)
    if (!this.#untold && told === version) {
      this.#write(':\n\n')
      return
    }
    this.#tell()
    // Whoever answers may have cached the app's row as it was: asked once more, it knows.
    this.#untold = told !== undefined && told !== version && haveSameVersions(told, version)
  }

  #tell(): void {
    const { scope } = this.#options
    const version = versionOf(scope)
    this.#told = version
    this.#untold = false
    const data = { type: 'refetchEvaluation', etag: version, lastModified: Math.floor(scope.owner.now() / 1_000) }
    this.#write(`id: ${version}\nevent: message\ndata: ${JSON.stringify(data)}\n\n`)
  }

  #write(text: string): void {
    const { response } = this.#options
    if (response.writableEnded || response.destroyed) return
    if (response.writableLength > MAX_WAITING) response.destroy()
    else response.write(text)
  }
}
