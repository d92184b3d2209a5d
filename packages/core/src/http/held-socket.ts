import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const GUARD: unique symbol = Symbol('throughline.guard')

interface Guard {
  /** The socket's own function. */
  readonly destroy: Socket['destroy']
  /** Responses of this socket that have ended and are not sent. */
  held: number
  asked: boolean
}

/** A connection that has answers to wait for. */
export type HeldSocket = Socket & { [GUARD]?: Guard }

/**
 * Says that an ended response of this socket is not sent yet: the first `destroy()` without an error waits for it.
 * Express closes the connection so when a handler fails after its answer, which then is on its way already.
 */
export function holdSocket(socket: HeldSocket): void {
  const guard = socket[GUARD]
  if (guard) {
    guard.held++
    return
  }
  socket[GUARD] = { destroy: socket.destroy, held: 1, asked: false }
  socket.destroy = destroyAnswered
}

/** Says that the response is on its way (or will never be), and makes good on a `destroy()` that waited for it. */
export function releaseSocket(socket: HeldSocket, response: ServerResponse): void {
  const guard = socket[GUARD]
  if (!guard || --guard.held > 0 || !guard.asked) return
  guard.asked = false
  if (response.destroyed || response.writableFinished || !socket.writable) guard.destroy.call(socket)
  else response.once('finish', () => socket.destroy())
}

/** Asks for the connection to be closed once what is held is sent. */
export function closeWhenAnswered(socket: HeldSocket): void {
  const guard = socket[GUARD]
  if (guard) guard.asked = true
}

/** Closes the connection now, whatever else of it is held. */
export function cutSocket(socket: HeldSocket): void {
  const guard = socket[GUARD]
  if (guard) guard.destroy.call(socket)
  else socket.destroy()
}

/** Node's own errors, a connection that can carry no answer, and whoever asks twice are not made to wait. */
function destroyAnswered(this: HeldSocket, ...parameters: Parameters<Socket['destroy']>): Socket {
  const guard = this[GUARD] as Guard
  if (guard.held > 0 && !guard.asked && parameters[0] === undefined && this.writable) {
    guard.asked = true
    return this
  }
  return guard.destroy.apply(this, parameters)
}
