import type { IncomingMessage } from 'node:http'
import { yesOrNo } from '../yes-or-no.ts'

/** A name or address, and a port. */
const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_-][a-z0-9_.-]{0,252})(?::\d{1,5})?$/i

/** What a request says of its host. */
export type RequestHost = { readonly name: string } | 'missing' | 'malformed'

/** Whether a proxy before the app may say which host the client asked for. */
export type TrustForwardedHost = boolean | ((message: IncomingMessage) => boolean)

/**
 * The host that the client asked for (RFC 9110, section 7.2): lower case, without port and trailing dot. Punycode stays as it is. More than
 * one value is malformed, never a choice.
 */
export function requestHost(message: IncomingMessage, trustForwarded: TrustForwardedHost): RequestHost {
  const trusted =
    typeof trustForwarded === 'function' ? yesOrNo('trustForwardedHost', trustForwarded(message)) : trustForwarded
  const forwarded = trusted ? message.headers['x-forwarded-host'] : undefined
  if (typeof forwarded === 'string') return parseHost(forwarded)
  const { host } = message.headers
  if (host === undefined) return 'missing'
  // Node keeps the first of several and says nothing; a proxy before it may have looked at the last.
  return hasSeveralHosts(message.rawHeaders) ? 'malformed' : parseHost(host)
}

/** @internal */
export function parseHost(value: string): RequestHost {
  const match = value.length > 262 ? null : HOST.exec(value)
  if (!match) return 'malformed'
  const host = (match[1] as string).toLowerCase()
  const name = host.endsWith('.') ? host.slice(0, -1) : host
  return name === '' || name.endsWith('.') || name.includes('..') ? 'malformed' : { name }
}

function hasSeveralHosts(rawHeaders: readonly string[] | undefined): boolean {
  let count = 0
  for (let i = 0; i < (rawHeaders?.length ?? 0); i += 2) {
    const name = rawHeaders?.[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count > 1
}
