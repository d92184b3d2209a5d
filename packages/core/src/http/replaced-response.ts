import { ServerResponse } from 'node:http'
import { OF_THE_BODY } from './body-headers.ts'
import { outgoing } from './outgoing.ts'

/** An answer in one piece. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What describes the body or the state it came from; the rest (CORS, security, request ids) suits any answer. */
const NOT_KEPT: ReadonlySet<string> = new Set([
  ...OF_THE_BODY,
  'cache-control',
  'content-type',
  'link',
  'location',
  'retry-after',
  'set-cookie',
])

/**
 * Sends an answer in place of the one that the app had prepared and of which nothing was sent. Goes past whatever
 * wraps the response: its transformations belong to the other body.
 */
export function sendInstead(response: ServerResponse, answer: Answer, callback: unknown): void {
  const headers: Record<string, string> = {
    ...answer.headers,
    'Content-Length': String(Buffer.byteLength(answer.body)),
  }
  const raw = outgoing(response)
  // The first head may have settled that the connection closes; the second has to say the same.
  if (raw._header) headers.Connection = 'close'
  raw._header = null
  // Also a head that could not be rendered has settled some of it.
  raw._contentLength = null
  raw._hasBody = response.req.method !== 'HEAD'
  raw.chunkedEncoding = false
  for (const name of response.getHeaderNames()) if (NOT_KEPT.has(name)) response.removeHeader(name)
  response.statusMessage = ''
  ServerResponse.prototype.writeHead.call(response, answer.status, headers)
  Reflect.apply(ServerResponse.prototype.end, response, [answer.body, 'utf8', callback])
}
