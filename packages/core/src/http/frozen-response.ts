import { ServerResponse } from 'node:http'
import { closeWhenAnswered, holdSocket } from './held-socket.ts'
import type { Hold } from './hold.ts'
import { holdOf } from './hold.ts'
import type { OutgoingResponse, ResponseFunction } from './outgoing.ts'

/** Stands for the head of a frozen response that is not rendered yet; never sent. */
const UNRENDERED = 'held'

/** Makes a response that is not sent yet look as it does after Node's own `end`, until it is thawed. */
export function freeze(response: OutgoingResponse, hold: Hold): void {
  hold.header = response._header
  hold.statusCode = response.statusCode
  hold.statusMessage = response.statusMessage
  // After `end` they are on their way already.
  hold.trailer = response._trailer
  hold.writeHead = response.writeHead
  hold.destroy = response.destroy
  response._header ??= UNRENDERED
  response.finished = true
  response.writeHead = writeHead
  response.destroy = destroy
  if (response.socket === null) {
    // Node takes an ended response whose turn comes for one that is all there.
    hold.finish = response._finish
    response._finish = ignore
  }
  if (hold.socket) holdSocket(hold.socket)
}

/** Puts everything back as it was, whatever the app did to it since; the socket is released apart from this. */
export function thaw(response: OutgoingResponse, hold: Hold): void {
  response._header = hold.header
  response.finished = false
  response.statusCode = hold.statusCode
  response.statusMessage = hold.statusMessage
  response._trailer = hold.trailer
  response.writeHead = hold.writeHead as ResponseFunction
  response.destroy = hold.destroy as ResponseFunction
  if (hold.finish) response._finish = hold.finish
}

/** Throws ERR_HTTP_HEADERS_SENT, and runs none of the wrappers that wait for the head. */
function writeHead(this: OutgoingResponse, ...parameters: readonly unknown[]): unknown {
  holdOf(this).hooks.late?.('head')
  return Reflect.apply(ServerResponse.prototype.writeHead, this, parameters)
}

/** The answer first, then the end of the connection; one that is gone is gone. */
function destroy(this: OutgoingResponse, error?: unknown): unknown {
  const { socket, destroy } = holdOf(this)
  if (!socket || socket.destroyed || !socket.writable) return (destroy as ResponseFunction).call(this, error)
  closeWhenAnswered(socket)
  return this
}

function ignore(): void {}
