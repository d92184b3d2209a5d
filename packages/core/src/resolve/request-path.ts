import type { IncomingMessage } from 'node:http'

/**
 * The path that a client asked for, without query string: also where the target is a whole URL (RFC 9112, section
 * 3.2.2), whose host and credentials are left out, and where a router has taken off `url` what it is mounted under.
 */
export function requestPath(message: IncomingMessage & { readonly originalUrl?: string }): string {
  const url = message.originalUrl ?? message.url ?? ''
  const path = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  const end = path.search(/[?#]/)
  return end < 0 ? path : path.slice(0, end)
}
