import type { ServerResponse } from 'node:http'
import type { Scope } from '../../context/scope.ts'
import { ThroughlineError } from '../../errors.ts'
import { settleAsStream } from '../open-request.ts'
import { FlagStream } from './flag-stream.ts'
import type { StreamOptions } from './ofrep-options.ts'
import type { RemoteFlags } from './remote-flags.ts'

/** Streams that look at the same time, and ms until the next ones do: each may ask the app's database for its actor. */
const TURN = 100
const TURN_MS = 20
const RETRY_AFTER = { 'Retry-After': '60' }

export interface FlagStreamsOptions {
  readonly flags: RemoteFlags
  readonly limits: StreamOptions
  now(): number
  /** Calls `end` when the instance is about to close. */
  onClosing(end: () => void): () => void
  /** The instance is closing, or closed. */
  isClosed(): boolean
  onFailure(error: unknown): void
}

/** The change streams of this process: as many as may be, each told when flags of its tenant may have changed. */
export class FlagStreams {
  readonly #options: FlagStreamsOptions
  readonly #perTenant: number
  readonly #perProcess: number
  readonly #keepAlive: number
  readonly #lifetime: number
  /** Places that are taken, by tenant. */
  readonly #taken = new Map<string, number>()
  readonly #open = new Map<string, Set<FlagStream>>()
  /** Those that have yet to look at a change. */
  readonly #due = new Set<FlagStream>()
  #turn: NodeJS.Timeout | undefined
  #count = 0
  #unwatch: (() => void) | undefined

  constructor(options: FlagStreamsOptions) {
    const { perTenant = 100, perProcess = 5_000, keepAlive = 25_000, lifetime = 3_600_000 } = options.limits
    this.#options = options
    this.#perTenant = perTenant
    this.#perProcess = perProcess
    this.#keepAlive = keepAlive
    this.#lifetime = lifetime
  }

  /**
   * Opens one on the response of a request: its record is closed before the head leaves, so that a stream of hours
   * holds nothing back.
   *
   * @throws ThroughlineError `LIMIT_EXCEEDED` for one too many of the tenant's, `LOAD_SHED` of the process's; `CLOSED`
   */
  async open(scope: Scope, response: ServerResponse, lastEventId: string | undefined): Promise<void> {
    this.#checkOpen()
    const leave = this.#enter(scope.tenant.id)
    try {
      await settleAsStream(response, this.#options.now)
      this.#checkOpen()
      // Its client has left, or something else of the app has answered.
      if (response.closed || response.destroyed || response.headersSent) leave()
      else this.#begin(scope, response, lastEventId, leave)
    } catch (error) {
      leave()
      throw error
    }
  }

  #begin(scope: Scope, response: ServerResponse, lastEventId: string | undefined, leave: () => void): void {
    const [keepAlive, lifetime, { onFailure }] = [this.#keepAlive, this.#lifetime, this.#options]
    const stream = new FlagStream({ scope, response, keepAlive, lifetime, lastEventId, onFailure })
    const streams = this.#of(scope.tenant.id)
    streams.add(stream)
    response.once('close', () => {
      stream.release()
      streams.delete(stream)
      this.#due.delete(stream)
      leave()
    })
  }

  /** A request that was let in before the instance began to close must not open what nobody ends. */
  #checkOpen(): void {
    if (this.#options.isClosed()) throw new ThroughlineError('CLOSED')
  }

  /** Takes a place; the returned function gives it back. */
  #enter(tenant: string): () => void {
    const taken = this.#taken.get(tenant) ?? 0
    if (taken >= this.#perTenant) {
      throw new ThroughlineError('LIMIT_EXCEEDED', {
        message: 'This organization has too many change streams open.',
        remedy: 'Poll, or raise `streams.perTenant` of `ofrep`.',
        headers: RETRY_AFTER,
      })
    }
    if (this.#count >= this.#perProcess) throw new ThroughlineError('LOAD_SHED', { headers: RETRY_AFTER })
    this.#taken.set(tenant, taken + 1)
    this.#count += 1
    this.#unwatch ??= this.#watch()
    return () => this.#leave(tenant)
  }

  #leave(tenant: string): void {
    const left = (this.#taken.get(tenant) ?? 1) - 1
    this.#count -= 1
    if (left > 0) this.#taken.set(tenant, left)
    else {
      this.#taken.delete(tenant)
      this.#open.delete(tenant)
    }
    if (this.#count > 0) return
    this.#unwatch?.()
    this.#unwatch = undefined
  }

  #of(tenant: string): Set<FlagStream> {
    const streams = this.#open.get(tenant) ?? new Set()
    this.#open.set(tenant, streams)
    return streams
  }

  #watch(): () => void {
    const { flags, onClosing } = this.#options
    const unwatch = flags.watch((tenant) => {
      const told = tenant === undefined ? [...this.#open.values()] : [this.#open.get(tenant) ?? []]
      for (const streams of told) for (const stream of streams) this.#due.add(stream)
      if (this.#turn === undefined) this.#nextTurn()
    })
    const stay = onClosing(() => {
      for (const streams of this.#open.values()) for (const stream of streams) stream.end()
    })
    return () => {
      unwatch()
      stay()
    }
  }

  #nextTurn(): void {
    let left = TURN
    for (const stream of this.#due) {
      this.#due.delete(stream)
      stream.changed()
      left -= 1
      if (left === 0) break
    }
    this.#turn = this.#due.size > 0 ? setTimeout(() => this.#nextTurn(), TURN_MS).unref() : undefined
  }
}
