import type { IncomingMessage } from 'node:http'

/** What stands before the path where the target is a whole URL: credentials, a host name or address, a port. */
const AUTHORITY = /^https?:\/\/(?:[\w.~!$&'()*+,;=:%-]*@)?(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::\d*)?(?=\/|$)/i
/** Beside a fragment, routers read `\` as `/`, cut white space off the end, and take what is before `@` for a host. */
const READ_OTHERWISE = /\\|\s$|^\/\/[^/]*@/

/**
 * The path that a client asked for, without query string: also where the target is a whole URL (RFC 9112, section
 * 3.2.2), whose host and credentials are left out, and where a router has taken off `url` what it is mounted under.
 */
export function requestPath(message: IncomingMessage & { readonly originalUrl?: string }): string {
  const url = message.originalUrl ?? message.url ?? ''
  const end = url.search(/[?#]/)
  const target = end < 0 ? url : url.slice(0, end)
  return target.startsWith('/') ? target : target.replace(AUTHORITY, '')
}

/** Whether the app's router may find another path in the target than `requestPath` did. No honest client sends one. */
export function isAmbiguous(path: string): boolean {
  return READ_OTHERWISE.test(path) || !(path === '' || path === '*' || path.startsWith('/'))
}
