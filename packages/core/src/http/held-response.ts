import type { IncomingMessage } from 'node:http'
import { ServerResponse } from 'node:http'
import type { Frozen } from './frozen-response.ts'
import { freeze, thaw } from './frozen-response.ts'
import type { HeldSocket } from './held-socket.ts'
import { cutSocket, releaseSocket } from './held-socket.ts'
import { leftMidway } from './left-midway.ts'
import type { Chunk, OutgoingResponse, ResponseFunction } from './outgoing.ts'
import { canSend, isChunk, outgoing } from './outgoing.ts'
import type { Answer } from './replaced-response.ts'
import { sendInstead } from './replaced-response.ts'

/** How a response ended. */
export interface HeldOutcome {
  readonly status: number
  /** It closed before its end. */
  readonly aborted: boolean
  /** It was the client who closed it, when it had the beginning of the answer. */
  readonly left?: true
}

/** What a held response asks of the one who holds it. */
export interface HeldResponseHooks {
  /**
   * Called exactly once: at the first `end`, or when the response closes without one (`aborted`). A promise holds the
   * response back until it is done; it rejects only when the response must be replaced.
   */
  settle(outcome: HeldOutcome): void | Promise<void>
  /** What replaces a response whose settle was rejected, if nothing of it was sent; otherwise the connection is cut. */
  replace(error: unknown): Answer
  /** Something that the app tried after its first `end`, and that was ignored. */
  late?(what: 'write' | 'end' | 'head'): void
}

const OPEN = 0
const HELD = 1
const DONE = 2

const HOLD: unique symbol = Symbol('throughline.hold')

type HeldResponse = OutgoingResponse & { [HOLD]: Hold }

/** What is known of one held response. */
class Hold {
  phase: typeof OPEN | typeof HELD | typeof DONE = OPEN
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** As it was found: Node takes it off a request that is given up, so that it can be answered. */
  readonly socket: HeldSocket | null
  readonly hooks: HeldResponseHooks
  /** The functions as they were found: Node's, or those of a middleware mounted before. */
  readonly end: ResponseFunction
  readonly write: ResponseFunction
  readonly flushHeaders: ResponseFunction
  /** Bytes written so far under a declared Content-Length. */
  written = 0
  /** Something was passed on to be sent. */
  passed = false
  /** The chunk that completes a declared Content-Length. */
  kept: Chunk | undefined
  keptEncoding: unknown
  /** The parameters of `end`. */
  chunk: unknown
  encoding: unknown
  callback: unknown
  /** Callbacks of further calls of `end` while it was held, due after that of the first. */
  readonly callbacks: unknown[] = []

  constructor(request: IncomingMessage, response: ServerResponse, hooks: HeldResponseHooks) {
    const found = outgoing(response)
    this.request = request
    this.response = response
    this.socket = request.socket ?? response.socket
    this.hooks = hooks
    this.end = found.end
    this.write = found.write
    this.flushHeaders = found.flushHeaders
  }
}

/**
 * Holds a response back from its first `end` until `hooks.settle` is done, and closes it to the app meanwhile: head
 * frozen, `headersSent` and `writableEnded` true, what comes later ignored. The last byte of a declared Content-Length
 * (or the head, where there is no body) does not leave before. Streams, backpressure, pipelining and other wrappers of
 * the response, outside or inside, work as they do without.
 *
 * @throws Error if the response is held already.
 */
export function holdResponse(request: IncomingMessage, response: ServerResponse, hooks: HeldResponseHooks): void {
  const held = outgoing(response) as HeldResponse
  if (held[HOLD] !== undefined) throw new Error('This response is held already.')
  held[HOLD] = new Hold(request, response, hooks)
  held.end = end
  held.write = write
  held.flushHeaders = flushHeaders
  response.on('close', settleClosed)
  // A client that left before (while the app looked up a session, say) fires nothing any more.
  if (response.closed) process.nextTick(() => settleClosed.call(response))
}

function end(this: OutgoingResponse, ...parameters: readonly unknown[]): unknown {
  const hold = (this as HeldResponse)[HOLD]
  let [chunk, encoding, callback] = parameters
  if (typeof chunk === 'function') {
    callback = chunk
    chunk = encoding = undefined
  } else if (typeof encoding === 'function') {
    callback = encoding
    encoding = undefined
  }
  if (hold.phase !== OPEN && this.finished) return endLate(this, hold, chunk, callback)
  // Either a wrapper outside goes on with what was released, or Node is to refuse, as it does without us.
  if (hold.phase !== OPEN || this.finished || this.destroyed || !canSend(this, chunk)) {
    return hold.end.call(this, chunk, encoding, callback)
  }
  hold.phase = HELD
  hold.chunk = chunk
  hold.encoding = encoding
  hold.callback = callback
  let settled: void | Promise<void>
  try {
    settled = hold.hooks.settle({ status: this.statusCode, aborted: false })
  } catch (error) {
    settled = Promise.reject(error)
  }
  if (settled === undefined) {
    hold.phase = DONE
    return send(this, hold)
  }
  const frozen = freeze(this, hold.socket, () => hold.hooks.late?.('head'))
  settled.then(
    () => release(this, hold, frozen),
    (error: unknown) => refuse(this, hold, frozen, error),
  )
  return this
}

function write(this: OutgoingResponse, ...parameters: readonly unknown[]): unknown {
  const hold = (this as HeldResponse)[HOLD]
  const [chunk, encoding, callback] = parameters
  if (hold.phase !== OPEN) {
    return this.finished ? writeLate(hold, encoding, callback) : hold.write.call(this, chunk, encoding, callback)
  }
  if (this.finished || this.destroyed || !isChunk(chunk)) return hold.write.call(this, chunk, encoding, callback)
  if (!this._header) this._implicitHeader()
  if (this._contentLength === null || this.chunkedEncoding || !this._hasBody) {
    hold.passed = true
    return hold.write.call(this, chunk, encoding, callback)
  }
  hold.written += typeof chunk === 'string' ? Buffer.byteLength(chunk, encodingOf(encoding)) : chunk.byteLength
  if (hold.written < this._contentLength) {
    hold.passed = true
    return hold.write.call(this, chunk, encoding, callback)
  }
  keep(hold, chunk, encoding, callback)
  return true
}

/** Keeps the completing chunk. What comes after it is no part of the body and is not sent. */
function keep(hold: Hold, chunk: Chunk, encoding: unknown, callback: unknown): void {
  const done = typeof encoding === 'function' ? encoding : callback
  const waits = typeof done === 'function'
  if (hold.kept === undefined) {
    // Whoever is called back may use the buffer again, and may not call `end` before.
    hold.kept = waits && typeof chunk !== 'string' ? Buffer.from(chunk) : chunk
    hold.keptEncoding = encodingOf(encoding)
  } else hold.hooks.late?.('write')
  if (waits) process.nextTick(done as () => void)
}

function encodingOf(encoding: unknown): BufferEncoding | undefined {
  return typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined
}

function flushHeaders(this: OutgoingResponse): unknown {
  const hold = (this as HeldResponse)[HOLD]
  if (hold.phase === OPEN && !this.finished) {
    if (!this._header) this._implicitHeader()
    // Where there is no body the head is the answer, and waits for `end`.
    if (!this._hasBody || (this._contentLength === 0 && !this.chunkedEncoding)) return undefined
    hold.passed = true
  } else if (this.finished) {
    hold.hooks.late?.('head')
    return undefined
  }
  return hold.flushHeaders.call(this)
}

function settleClosed(this: ServerResponse): void {
  const held = outgoing(this) as HeldResponse
  const hold = held[HOLD]
  if (hold.phase !== OPEN) return
  hold.phase = DONE
  try {
    const aborted = !this.writableFinished
    const left = aborted && leftMidway(hold)
    // There is nobody left to tell.
    hold.hooks.settle({ status: this.statusCode, aborted, ...(left && { left }) })?.catch(ignore)
  } catch {}
}

function release(response: OutgoingResponse, hold: Hold, frozen: Frozen): void {
  thaw(response, frozen)
  hold.phase = DONE
  try {
    send(response, hold)
  } catch (error) {
    replace(response, hold, error)
  }
  settleRest(response, hold)
}

function refuse(response: OutgoingResponse, hold: Hold, frozen: Frozen, error: unknown): void {
  thaw(response, frozen)
  hold.phase = DONE
  replace(response, hold, error)
  settleRest(response, hold)
}

/** Makes good on what was put off while the response was held. */
function settleRest(response: OutgoingResponse, hold: Hold): void {
  for (const callback of hold.callbacks) queueCallback(response, callback)
  if (hold.socket) releaseSocket(hold.socket, hold.response)
}

/** Once a response has ended, Node's `end` does no more than that. */
function queueCallback(response: OutgoingResponse, callback: unknown): void {
  if (response.finished) Reflect.apply(ServerResponse.prototype.end, response, [callback])
}

function send(response: OutgoingResponse, hold: Hold): unknown {
  if (hold.kept !== undefined) {
    if (!hold.chunk) return hold.end.call(response, hold.kept, hold.keptEncoding, hold.callback)
    hold.write.call(response, hold.kept, hold.keptEncoding)
  }
  return hold.end.call(response, hold.chunk, hold.encoding, hold.callback)
}

function replace(response: OutgoingResponse, hold: Hold, error: unknown): void {
  if (response.destroyed) return
  // What a compressor outside was given may not have come out of it yet.
  if (response._headerSent || (hold.passed && response._hasBody)) {
    cut(hold)
    return
  }
  try {
    sendInstead(hold.response, hold.hooks.replace(error), hold.callback)
  } catch {
    cut(hold)
  }
}

function cut(hold: Hold): void {
  hold.response.destroy()
  if (hold.socket) cutSocket(hold.socket)
}

function endLate(response: OutgoingResponse, hold: Hold, chunk: unknown, callback: unknown): OutgoingResponse {
  hold.hooks.late?.('end')
  if (typeof callback !== 'function') return response
  if (chunk) process.nextTick(callback as (error: Error) => void, writeAfterEnd())
  else if (hold.phase === HELD) hold.callbacks.push(callback)
  else queueCallback(response, callback)
  return response
}

function writeLate(hold: Hold, encoding: unknown, callback: unknown): false {
  hold.hooks.late?.('write')
  const done = typeof encoding === 'function' ? encoding : callback
  if (typeof done === 'function') process.nextTick(done as (error: Error) => void, writeAfterEnd())
  return false
}

function writeAfterEnd(): Error {
  return Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' })
}

function ignore(): void {}
