import type { IncomingMessage } from 'node:http'

/**
 * The credential of a header: what follows `Bearer` in `authorization` (RFC 6750, section 2.1), all of any other.
 * `undefined` where there is none, or one of another scheme.
 */
export function credentialOf(message: IncomingMessage, header: string): string | undefined {
  const value = message.headers[header]
  if (typeof value !== 'string' || value === '') return undefined
  if (header !== 'authorization') return value
  return /^bearer +(.*)$/i.exec(value)?.[1]
}
