import type { IncomingMessage } from 'node:http'
import { ServerResponse } from 'node:http'
import { freeze, thaw } from './frozen-response.ts'
import { cutSocket, releaseSocket } from './held-socket.ts'
import type { HeldOutcome, HeldResponseHooks } from './hold.ts'
import { DONE, HELD, Hold, holdOf, OPEN } from './hold.ts'
import { leftMidway } from './left-midway.ts'
import type { Chunk, OutgoingResponse } from './outgoing.ts'
import { canSend, isChunk, outgoing } from './outgoing.ts'
import { sendInstead } from './replaced-response.ts'

/**
 * Holds a response back from its first `end` until `hooks.settle` is done, and closes it to the app meanwhile: head
 * frozen, `headersSent` and `writableEnded` true, what comes later ignored. The last byte of a declared Content-Length
 * (or the head, where there is no body) does not leave before. Streams, backpressure, pipelining and other wrappers of
 * the response, outside or inside, work as they do without.
 *
 * @throws Error if the response is held already.
 */
export function holdResponse(request: IncomingMessage, response: ServerResponse, hooks: HeldResponseHooks): void {
  Hold.of(request, response, hooks)
  const held = outgoing(response)
  held.end = end
  held.write = write
  held.flushHeaders = flushHeaders
  response.on('close', settleClosed)
  // A client that left before (while the app looked up a session, say) fires nothing any more.
  if (response.closed) process.nextTick(() => settleClosed.call(response))
}

function end(this: OutgoingResponse, first: unknown, second: unknown, third: unknown): unknown {
  const hold = holdOf(this)
  const isFirst = typeof first === 'function'
  const isSecond = typeof second === 'function'
  const chunk = isFirst ? undefined : first
  const encoding = isFirst || isSecond ? undefined : second
  const callback = isFirst ? first : isSecond ? second : third
  if (hold.phase !== OPEN && this.finished) return endLate(this, hold, chunk, callback)
  // Either a wrapper outside goes on with what was released, or Node is to refuse, as it does without us.
  if (hold.phase !== OPEN || this.finished || this.destroyed || !canSend(this, chunk)) {
    return hold.end.call(this, chunk, encoding, callback)
  }
  hold.phase = HELD
  hold.chunk = chunk
  hold.encoding = encoding
  hold.callback = callback
  const settled = settle(hold, { status: this.statusCode, aborted: false })
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

function settle({ hooks }: Hold, outcome: HeldOutcome): void | Promise<void> {
  try {
    return hooks.settle(outcome)
  } catch (error) {
    return Promise.reject(error)
  }
}

function write(this: OutgoingResponse, chunk: unknown, encoding: unknown, callback: unknown): unknown {
  const hold = holdOf(this)
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
  const hold = holdOf(this)
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
  const hold = holdOf(outgoing(this))
  if (hold.phase !== OPEN) return
  hold.phase = DONE
  const aborted = !this.writableFinished
  const left = aborted && leftMidway(hold)
  // There is nobody left to tell.
  const done = (): void => hold.hooks.settled?.()
  settle(hold, { status: this.statusCode, aborted, ...(left && { left }) })?.then(done, done)
}

function release(response: OutgoingResponse, hold: Hold): void {
  hold.hooks.settled?.()
  thaw(response, hold)
  hold.phase = DONE
  try {
    send(response, hold)
  } catch (error) {
    replace(response, hold, error)
  }
  settleRest(response, hold)
}

function refuse(response: OutgoingResponse, hold: Hold, error: unknown): void {
  hold.hooks.settled?.()
  thaw(response, hold)
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
  else if (hold.phase === HELD) hold.callbacks = [...hold.callbacks, callback]
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
