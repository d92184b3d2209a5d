import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { outgoing } from './outgoing.ts'

/** A response that closed before its end. */
interface Ended {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Of the request, from before Node took it off it. */
  readonly socket: Socket | null
}

/** What comes of a connection, and of what is sent on it; neither the time that a server gives it nor an app has these. */
const OF_THE_CONNECTION = /^(E[A-Z]+$|HPE_|ERR_SSL_|ERR_TLS_)/

/**
 * Whether it was the other side that ended the connection, with the head of this response on it: it closed it, or it sent
 * what Node closes it for. The app destroys the response, the request, or the connection.
 */
export function leftMidway({ request, response, socket }: Ended): boolean {
  if (!socket || !outgoing(response)._headerSent || response.errored !== null) return false
  if (socket.readableEnded) return true
  const { errored } = socket
  // A request that the app destroys hands its error on to the connection.
  if (!errored || errored === request.errored) return false
  return OF_THE_CONNECTION.test(codeOf(errored))
}

/** Of anything: an app may end a connection with what is no error. */
function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
