import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHeader } from '../../src/resolve/from-header.ts'
import { fromPath } from '../../src/resolve/from-path.ts'
import { UNKNOWN_TENANT } from '../../src/resolve/source.ts'
import { isTenantId } from '../../src/tenant-id.ts'
import { message, read } from './message.ts'

describe('fromHeader', () => {
  it('only names, and is forgeable, unless somebody trusted sent it', () => {
    expect(read(fromHeader('X-Tenant-Id'), { 'x-tenant-id': 'acme' })).toEqual({ tenant: 'acme', forgeable: true })
    expect(read(fromHeader('X-Tenant-Id'))).toBeUndefined()
    const source = fromHeader('x-tenant-id', { trust: (from) => from.headers['x-gateway'] === 'ours' })
    expect(source.trust).toBe('names')
    expect(read(source, { 'x-tenant-id': 'acme' })).toEqual({ tenant: 'acme', forgeable: true })
    expect(read(source, { 'x-tenant-id': 'acme', 'x-gateway': 'ours' })).toEqual({ tenant: 'acme', trust: 'proves' })
  })

  it('takes no promise for a word of trust', () => {
    for (const answer of [Promise.resolve(false), Promise.resolve(true), Promise.reject(new Error('unknown'))]) {
      const source = fromHeader('x-tenant-id', { trust: () => answer as never })
      expect(() => read(source, { 'x-tenant-id': 'acme' })).toThrow(/^OPTIONS_INVALID: fromHeader: trust .*a promise/)
    }
  })

  it('takes what can be no id for an unknown tenant', () => {
    for (const value of ['', '$platform', 'a\u0001', 'x'.repeat(201)]) {
      expect(read(fromHeader('x-tenant-id'), { 'x-tenant-id': value })).toMatchObject({ tenant: UNKNOWN_TENANT })
    }
  })

  it('refuses a name that is no header', () => {
    expect(() => fromHeader('x tenant')).toThrow('OPTIONS_INVALID')
    expect(() => fromHeader('x-tenant-id', { trusted: true } as object)).toThrow('Did you mean "trust"?')
  })
})

describe('fromPath', () => {
  const source = fromPath('/t/:tenant')

  it.each([
    ['/t/acme', { tenant: 'acme' }],
    ['/t/acme/reports?t=/t/globex', { tenant: 'acme' }],
    ['/T/acme/', { tenant: 'acme' }],
    ['/t/acme#x', { tenant: 'acme' }],
    ['/t/a%20c', { tenant: 'a c' }],
    ['http://elsewhere.com/t/acme', { tenant: 'acme' }],
    ['/t/%zz', { tenant: UNKNOWN_TENANT }],
    ['/t/%00', { tenant: UNKNOWN_TENANT }],
    ['/t/%24platform', { tenant: UNKNOWN_TENANT }],
    ['http://ada:secret@[::1]:8080/t/acme', { tenant: 'acme' }],
    ['http://elsewhere.com?/t/acme', undefined],
    ['http://elsewhere.com:x/t/acme', { tenant: UNKNOWN_TENANT }],
    ['/t\\acme#', { tenant: UNKNOWN_TENANT }],
    ['//a@b/t/acme#', { tenant: UNKNOWN_TENANT }],
    ['/t/acme\u00a0', { tenant: UNKNOWN_TENANT }],
    // As curl sends `à`, byte by byte.
    ['/t/acme/\u00c3\u00a0/x', { tenant: 'acme' }],
    ['/t/', undefined],
    ['/t', undefined],
    ['/x/acme', undefined],
    ['/x?/t/acme', undefined],
    ['//t/acme', undefined],
    ['*', undefined],
    ['', undefined],
  ])('%s', (url, claim) => {
    expect(read(source, {}, url)).toEqual(claim)
  })

  it('reads what the client asked for, not what a router left of it', () => {
    const mounted = Object.assign(message({}, '/reports'), { originalUrl: '/t/acme/reports' })
    expect(source.read(undefined, mounted)).toEqual({ tenant: 'acme' })
  })

  it('counts segments from 0', () => {
    expect(read(fromPath({ segment: 0 }), {}, '/acme/reports')).toEqual({ tenant: 'acme' })
    expect(read(fromPath({ segment: 1 }), {}, '/acme/reports')).toEqual({ tenant: 'reports' })
    expect(read(fromPath({ segment: 2 }), {}, '/acme/reports')).toBeUndefined()
    expect(read(fromPath('/:tenant'), {}, '/acme')).toEqual({ tenant: 'acme' })
  })

  it('refuses patterns that do not end with the tenant', () => {
    for (const pattern of ['t/:tenant', '/t', '/:tenant/x', '/a//:tenant', '/:a/:b']) {
      expect(() => fromPath(pattern)).toThrow('must begin with "/"')
    }
    for (const segment of [-1, 0.5, 99]) expect(() => fromPath({ segment })).toThrow('whole number')
  })

  it('gives back any id that a link was made of', () => {
    const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter(isTenantId)
    fc.assert(
      fc.property(id, fc.constantFrom('', '/x', '?q', '#h'), (tenant, rest) => {
        expect(read(source, {}, `/t/${encodeURIComponent(tenant)}${rest}`)).toEqual({ tenant })
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (url) => {
        read(source, {}, url)
      }),
    )
  })
})
