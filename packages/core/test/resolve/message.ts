import type { IncomingMessage } from 'node:http'
import type { TenantClaim, TenantSource } from '../../src/resolve/source.ts'

/** A message as Node's parser would make it of these header lines. */
export function message(headers: Readonly<Record<string, string>> = {}, url = '/'): IncomingMessage {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  return { headers: Object.fromEntries(lower), rawHeaders: Object.entries(headers).flat(), url } as IncomingMessage
}

export function read(
  source: TenantSource<never>,
  headers: Readonly<Record<string, string>> = {},
  url = '/',
): TenantClaim | undefined | Promise<TenantClaim | undefined> {
  return source.read(undefined as never, message(headers, url))
}
