import type { IncomingMessage } from 'node:http'
import { yesOrNo } from '../yes-or-no.ts'
import type { TenantSource } from './source.ts'
import { tenantIdOf } from './source.ts'
import { checkSourceOptions, FUNCTION, kindOf, refuseOptions } from './source-options.ts'

export interface HeaderOptions {
  /** Whether this message comes from somebody who may say so: a gateway known by its address or certificate. */
  readonly trust?: (message: IncomingMessage) => boolean
}

/** A header's name (RFC 9110, section 5.6.2: token). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * A request header. Any client can write one: it only names, and alone it chooses no tenant, unless `trust` vouches
 * for who sent it.
 *
 * @example fromHeader('x-tenant-id', { trust: (message) => message.socket.remoteAddress === gateway })
 * @throws ThroughlineError `OPTIONS_INVALID` when the name can be no header's.
 */
export function fromHeader(name: string, options: HeaderOptions = {}): TenantSource {
  if (typeof name !== 'string') refuseOptions('fromHeader', `the name must be a text, not ${kindOf(name)}.`)
  checkSourceOptions('fromHeader', options, { trust: FUNCTION })
  if (!HEADER_NAME.test(name)) refuseOptions('fromHeader', `"${name}" is no name of a header.`)
  const { trust } = options
  const key = name.toLowerCase()
  return {
    name: `header:${key}`,
    trust: 'names',
    weak: false,
    read(_request, message) {
      const value = message.headers[key]
      if (value === undefined) return undefined
      const tenant = tenantIdOf(value)
      const vouched = trust !== undefined && yesOrNo('fromHeader: trust', trust(message))
      return vouched ? { tenant, trust: 'proves' } : { tenant, forgeable: true }
    },
  }
}
