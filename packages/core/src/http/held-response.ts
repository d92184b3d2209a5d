import type { IncomingMessage } from 'node:http'
import { ServerResponse } from 'node:http'
import { closeWhenAnswered, holdSocket, releaseSocket } from './held-socket.ts'
import type { Chunk, OutgoingResponse, ResponseFunction } from './outgoing.ts'
import { canRender, isChunk, outgoing } from './outgoing.ts'
import type { Answer } from './replaced-response.ts'
import { sendInstead } from './replaced-response.ts'

/** What a held response asks of the one who holds it. */
export interface HeldResponseHooks {
  /**
   * Called exactly once: at the first `end`, or when the response closes without one (`aborted`). A promise holds the
   * response back until it is done; it rejects only when the response must be replaced.
   */
  settle(outcome: { readonly status: number; readonly aborted: boolean }): void | Promise<void>
  /** What replaces a response whose settle was rejected, if nothing of it was sent; otherwise the connection is cut. */
  replace(error: unknown): Answer
  /** Something that the app tried after its first `end`, and that was ignored. */
  late?(what: 'write' | 'end' | 'head'): void
}

const OPEN = 0
const HELD = 1
const DONE = 2

/** Stands for the head of a held response that is not rendered yet; never sent. */
const UNRENDERED = 'held'

const HOLD: unique symbol = Symbol('throughline.hold')

type HeldResponse = OutgoingResponse & { [HOLD]: Hold }

/** What is known of one held response. */
class Hold {
  phase: typeof OPEN | typeof HELD | typeof DONE = OPEN
  readonly request: IncomingMessage
  readonly response: ServerResponse
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
  /** How the response stood when it was ended. */
  frozen: Frozen | undefined

  constructor(request: IncomingMessage, response: ServerResponse, hooks: HeldResponseHooks) {
    const found = outgoing(response)
    this.request = request
    this.response = response
    this.hooks = hooks
    this.end = found.end
    this.write = found.write
    this.flushHeaders = found.flushHeaders
  }
}

interface Frozen {
  readonly header: string | null
  readonly statusCode: number
  readonly statusMessage: string
  readonly writeHead: ResponseFunction
  readonly addTrailers: ResponseFunction
  readonly destroy: ResponseFunction
  /** Set where the response waits for its turn on the socket. */
  readonly finish: ResponseFunction | undefined
  /** Callbacks of further calls of `end`, due after that of the first. */
  readonly callbacks: unknown[]
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
  if (hold.phase !== OPEN || this.destroyed || (chunk && !isChunk(chunk)) || !(this._header || canRender(this))) {
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
  freeze(this, hold)
  settled.then(
    () => release(this, hold),
    (error: unknown) => refuse(this, hold, error),
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
    // There is nobody left to tell.
    hold.hooks.settle({ status: this.statusCode, aborted: !this.writableFinished })?.catch(ignore)
  } catch {}
}

/** Makes the response look as it does after Node's own `end`. */
function freeze(response: OutgoingResponse, hold: Hold): void {
  const waiting = response.socket === null
  hold.frozen = {
    header: response._header,
    statusCode: response.statusCode,
    statusMessage: response.statusMessage,
    writeHead: response.writeHead,
    addTrailers: response.addTrailers,
    destroy: response.destroy,
    finish: waiting ? response._finish : undefined,
    callbacks: [],
  }
  response._header ??= UNRENDERED
  response.finished = true
  response.writeHead = writeHead
  response.addTrailers = addTrailers
  response.destroy = destroy
  // Node takes an ended response whose turn comes for one that is all there.
  if (waiting) response._finish = ignore
  holdSocket(hold.request.socket)
}

function thaw(response: OutgoingResponse, hold: Hold): void {
  const frozen = hold.frozen as Frozen
  response._header = frozen.header
  response.finished = false
  response.statusCode = frozen.statusCode
  response.statusMessage = frozen.statusMessage
  response.writeHead = frozen.writeHead
  response.addTrailers = frozen.addTrailers
  response.destroy = frozen.destroy
  if (frozen.finish) response._finish = frozen.finish
  hold.phase = DONE
}

function release(response: OutgoingResponse, hold: Hold): void {
  thaw(response, hold)
  try {
    send(response, hold)
  } catch (error) {
    replace(response, hold, error)
  }
  settleRest(response, hold)
}

function refuse(response: OutgoingResponse, hold: Hold, error: unknown): void {
  thaw(response, hold)
  replace(response, hold, error)
  settleRest(response, hold)
}

/** Makes good on what was put off while the response was held. */
function settleRest(response: OutgoingResponse, hold: Hold): void {
  for (const callback of (hold.frozen as Frozen).callbacks) queueCallback(response, callback)
  releaseSocket(hold.request.socket, hold.response)
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
    hold.response.destroy()
    return
  }
  try {
    sendInstead(hold.response, hold.hooks.replace(error), hold.callback)
  } catch {
    hold.response.destroy()
  }
}

function endLate(response: OutgoingResponse, hold: Hold, chunk: unknown, callback: unknown): OutgoingResponse {
  hold.hooks.late?.('end')
  if (typeof callback !== 'function') return response
  if (chunk) process.nextTick(callback as (error: Error) => void, writeAfterEnd())
  else if (hold.phase === HELD) hold.frozen?.callbacks.push(callback)
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

/** Throws ERR_HTTP_HEADERS_SENT, and runs none of the wrappers that wait for the head. */
function writeHead(this: OutgoingResponse, ...parameters: readonly unknown[]): unknown {
  ;(this as HeldResponse)[HOLD].hooks.late?.('head')
  return Reflect.apply(ServerResponse.prototype.writeHead, this, parameters)
}

/** After `end` the trailers are on their way already. */
function addTrailers(this: OutgoingResponse): void {}

/** The answer first, then the end of the connection; an error is Node's own and waits for nothing. */
function destroy(this: OutgoingResponse, error?: unknown): unknown {
  const { request, frozen } = (this as HeldResponse)[HOLD]
  if (request.socket.destroyed || !request.socket.writable) return (frozen as Frozen).destroy.call(this, error)
  closeWhenAnswered(request.socket)
  return this
}

function ignore(): void {}
