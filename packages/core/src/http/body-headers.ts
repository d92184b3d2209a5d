import type { ServerResponse } from 'node:http'

/** What describes a body. */
export const OF_THE_BODY: ReadonlySet<string> = new Set([
  'accept-ranges',
  'age',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'etag',
  'expires',
  'last-modified',
  'trailer',
  'transfer-encoding',
])

/**
 * Takes back what a handler has said of the body that it did not send: no problem details may go out under it. Names
 * only what is there: where Node was told to remove a transfer encoding, a compressor finds none to use.
 */
export function clearBodyHeaders(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) if (OF_THE_BODY.has(name)) response.removeHeader(name)
}
