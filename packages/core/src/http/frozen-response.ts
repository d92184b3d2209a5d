import { ServerResponse } from 'node:http'
import type { HeldSocket } from './held-socket.ts'
import { closeWhenAnswered, holdSocket } from './held-socket.ts'
import type { OutgoingResponse, ResponseFunction } from './outgoing.ts'

/** Stands for the head of a frozen response that is not rendered yet; never sent. */
const UNRENDERED = 'held'

const FROZEN: unique symbol = Symbol('throughline.frozen')

type FrozenResponse = OutgoingResponse & { [FROZEN]?: Frozen }

/** How a response stood when the app ended it. */
export interface Frozen {
  readonly socket: HeldSocket | null
  readonly header: string | null
  readonly statusCode: number
  readonly statusMessage: string
  readonly writeHead: ResponseFunction
  readonly addTrailers: ResponseFunction
  readonly destroy: ResponseFunction
  /** Set where the response waits for its turn on the socket. */
  readonly finish: ResponseFunction | undefined
  /** Told of a head that was to be written again. */
  readonly lateHead: () => void
}

/** Makes a response that is not sent yet look as it does after Node's own `end`, until it is thawed. */
export function freeze(response: OutgoingResponse, socket: HeldSocket | null, lateHead: () => void): Frozen {
  const waiting = response.socket === null
  const frozen: Frozen = {
    socket,
    header: response._header,
    statusCode: response.statusCode,
    statusMessage: response.statusMessage,
    writeHead: response.writeHead,
    addTrailers: response.addTrailers,
    destroy: response.destroy,
    finish: waiting ? response._finish : undefined,
    lateHead,
  }
  ;(response as FrozenResponse)[FROZEN] = frozen
  response._header ??= UNRENDERED
  response.finished = true
  response.writeHead = writeHead
  response.addTrailers = addTrailers
  response.destroy = destroy
  // Node takes an ended response whose turn comes for one that is all there.
  if (waiting) response._finish = ignore
  if (socket) holdSocket(socket)
  return frozen
}

/** Puts everything back as it was, whatever the app did to it since; the socket is released apart from this. */
export function thaw(response: OutgoingResponse, frozen: Frozen): void {
  response._header = frozen.header
  response.finished = false
  response.statusCode = frozen.statusCode
  response.statusMessage = frozen.statusMessage
  response.writeHead = frozen.writeHead
  response.addTrailers = frozen.addTrailers
  response.destroy = frozen.destroy
  if (frozen.finish) response._finish = frozen.finish
}

function frozenOf(response: OutgoingResponse): Frozen {
  return (response as FrozenResponse)[FROZEN] as Frozen
}

/** Throws ERR_HTTP_HEADERS_SENT, and runs none of the wrappers that wait for the head. */
function writeHead(this: OutgoingResponse, ...parameters: readonly unknown[]): unknown {
  frozenOf(this).lateHead()
  return Reflect.apply(ServerResponse.prototype.writeHead, this, parameters)
}

/** After `end` the trailers are on their way already. */
function addTrailers(this: OutgoingResponse): void {}

/** The answer first, then the end of the connection; one that is gone is gone. */
function destroy(this: OutgoingResponse, error?: unknown): unknown {
  const { socket, destroy } = frozenOf(this)
  if (!socket || socket.destroyed || !socket.writable) return destroy.call(this, error)
  closeWhenAnswered(socket)
  return this
}

function ignore(): void {}
