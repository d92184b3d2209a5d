import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { types } from 'node:util'

/** What a response body is made of. */
export type Chunk = string | Uint8Array

/** Any of a response's functions, as wrappers find and pass them on. */
export type ResponseFunction = (this: OutgoingResponse, ...parameters: readonly unknown[]) => unknown

/**
 * A `ServerResponse` with the fields of Node that holding it needs. The underscored ones have been the same since Node
 * 18 and are what `on-headers`, `on-finished` and `express-session` build on too.
 */
export interface OutgoingResponse {
  statusCode: number
  statusMessage: string
  /** `writableEnded` reads it. */
  finished: boolean
  chunkedEncoding: boolean
  readonly destroyed: boolean
  readonly writableFinished: boolean
  readonly socket: Socket | null
  /** The rendered head; `headersSent` reads it, and every function that sets a header refuses once it is there. */
  _header: string | null
  /** The head has left for the socket. */
  readonly _headerSent: boolean
  /** Declared length of the body, once the head is rendered. */
  _contentLength: number | null
  /** False for HEAD, 204 and 304, once the head is rendered. */
  _hasBody: boolean
  /** Rendered; sent after the body, if that is chunked. */
  _trailer: string
  _implicitHeader(): void
  end: ResponseFunction
  write: ResponseFunction
  writeHead: ResponseFunction
  flushHeaders: ResponseFunction
  destroy: ResponseFunction
  _finish: ResponseFunction
}

/** A response seen with Node's own fields. */
export function outgoing(response: ServerResponse): OutgoingResponse {
  return response as unknown as OutgoingResponse
}

/** Whether Node would take it as part of a body. */
export function isChunk(value: unknown): value is Chunk {
  return typeof value === 'string' || types.isUint8Array(value)
}

const INVALID_REASON = /[^\t\x20-\x7e\x80-\xff]/

/** Whether Node's own `end` would take the chunk and render the head as it stands; where not, it throws. */
export function canSend(response: OutgoingResponse, chunk: unknown): boolean {
  if (chunk && !isChunk(chunk)) return false
  if (response._header) return true
  const status = response.statusCode | 0
  return status >= 100 && status <= 999 && !(response.statusMessage && INVALID_REASON.test(response.statusMessage))
}
