import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHost, fromSubdomain } from '../../src/resolve/from-host.ts'
import { UNKNOWN_TENANT } from '../../src/resolve/source.ts'
import { message, read } from './message.ts'

const UNKNOWN = { tenant: UNKNOWN_TENANT }

describe('fromSubdomain', () => {
  const source = fromSubdomain('example.com')

  it.each([
    ['acme.example.com', { tenant: 'acme' }],
    ['acme.example.com:8080', { tenant: 'acme' }],
    ['ACME.Example.COM', { tenant: 'acme' }],
    ['acme.example.com.', { tenant: 'acme' }],
    ['acme.example.com.:443', { tenant: 'acme' }],
    ['xn--mnchen-3ya.example.com', { tenant: 'xn--mnchen-3ya' }],
    ['a_b-1.example.com', { tenant: 'a_b-1' }],
    ['example.com', undefined],
    ['www.example.com', undefined],
    ['WWW.example.com', undefined],
    ['evil-example.com', undefined],
    ['acme.evil-example.com', undefined],
    ['example.com.evil.com', undefined],
    ['acme.example.com.evil.com', undefined],
    ['localhost:3000', undefined],
    ['127.0.0.1', undefined],
    ['[::1]:3000', undefined],
    ['a.b.example.com', UNKNOWN],
    ['.example.com', UNKNOWN],
    ['acme..example.com', UNKNOWN],
    ['acme.example.com..', UNKNOWN],
    ['acme.example.com/globex', UNKNOWN],
    ['globex@acme.example.com', UNKNOWN],
    ['acme.example.com, globex.example.com', UNKNOWN],
    ['acme.example.com:80:80', UNKNOWN],
    ['acme.example.com:', UNKNOWN],
    ['acme%2eexample.com', UNKNOWN],
    [`${'a'.repeat(300)}.example.com`, UNKNOWN],
    ['', UNKNOWN],
  ])('%s', (host, claim) => {
    expect(read(source, { Host: host })).toEqual(claim)
  })

  it('names no tenant without a host, and refuses two of them', () => {
    expect(read(source)).toBeUndefined()
    const two = message({ host: 'acme.example.com' })
    two.rawHeaders.push('HOST', 'globex.example.com')
    expect(source.read(undefined, two)).toEqual(UNKNOWN)
  })

  it('reads X-Forwarded-Host where the app trusts who sent it, and nowhere else', () => {
    const headers = { Host: 'acme.example.com', 'X-Forwarded-Host': 'globex.example.com' }
    expect(read(source, headers)).toEqual({ tenant: 'acme' })
    expect(read(fromSubdomain('example.com', { trustForwardedHost: true }), headers)).toEqual({ tenant: 'globex' })
    const trusting = fromSubdomain('example.com', {
      trustForwardedHost: (from: IncomingMessage) => from.headers.via === 'proxy',
    })
    expect(read(trusting, headers)).toEqual({ tenant: 'acme' })
    expect(read(trusting, { ...headers, Via: 'proxy' })).toEqual({ tenant: 'globex' })
    const later = fromSubdomain('example.com', { trustForwardedHost: (async () => false) as never })
    expect(() => read(later, headers)).toThrow(/^OPTIONS_INVALID: trustForwardedHost .*a promise/)
    const several = { ...headers, 'X-Forwarded-Host': 'acme.example.com, globex.example.com' }
    expect(read(fromSubdomain('example.com', { trustForwardedHost: true }), several)).toEqual(UNKNOWN)
  })

  it('looks a slug up, at once or later; one that is not found is an unknown tenant', async () => {
    const ids: Readonly<Record<string, number>> = { acme: 7 }
    const source = fromSubdomain('example.com', { lookup: (slug) => ids[slug] })
    expect(read(source, { Host: 'acme.example.com' })).toEqual({ tenant: '7' })
    expect(read(source, { Host: 'globex.example.com' })).toEqual(UNKNOWN)
    const later = fromSubdomain('example.com', { lookup: async (slug) => ids[slug] ?? null })
    expect(await read(later, { Host: 'acme.example.com' })).toEqual({ tenant: '7' })
    expect(await read(later, { Host: 'globex.example.com' })).toEqual(UNKNOWN)
  })

  it('leaves out what the app ignores', () => {
    const source = fromSubdomain('example.com', { ignore: ['API', 'www'] })
    expect(read(source, { Host: 'api.example.com' })).toBeUndefined()
  })

  it('refuses bad options in words', () => {
    expect(() => fromSubdomain('https://example.com')).toThrow('"https://example.com" is no host name')
    expect(() => fromSubdomain('example.com', { trustForwardHost: true } as object)).toThrow(
      'Did you mean "trustForwardedHost"?',
    )
  })

  it('never throws, and only ever names the label before the domain', () => {
    const label = fc.stringMatching(/^[a-z0-9_-][a-z0-9_-]{0,20}$/).filter((l) => l !== 'www')
    fc.assert(
      fc.property(label, fc.constantFrom('', ':80', '.', '.:65535'), (name, suffix) => {
        expect(read(source, { Host: `${name}.EXAMPLE.com${suffix}` })).toEqual({ tenant: name })
      }),
    )
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.domain()), (host) => {
        const claim = read(source, { Host: host })
        if (claim && 'tenant' in claim && claim.tenant !== UNKNOWN_TENANT) {
          expect(host.toLowerCase().startsWith(`${claim.tenant}.example.com`)).toBe(true)
        }
      }),
    )
  })
})

describe('fromHost', () => {
  const source = fromHost({ lookup: (host) => (host === 'app.acme.com' ? 'acme' : undefined) })

  it('looks up the whole host, normalised', () => {
    expect(read(source, { Host: 'APP.acme.com.:8443' })).toEqual({ tenant: 'acme' })
    expect(read(source, { Host: 'other.com' })).toBeUndefined()
    expect(read(source, { Host: 'app.acme.com x' })).toEqual(UNKNOWN)
    expect(read(source)).toBeUndefined()
  })

  it('needs a look-up', () => {
    expect(() => fromHost({} as never)).toThrow('"lookup" must be a function')
  })
})
