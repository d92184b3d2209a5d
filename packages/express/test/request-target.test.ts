import { createRequire } from 'node:module'
import { fromPath } from '@throughline/core'
import type { Request } from 'express'
import express5 from 'express'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExpressExchange } from '../src/express-exchange.ts'

const express4: typeof express5 = createRequire(import.meta.url)('express4')

const PIECES = [
  '/',
  '/t/',
  '/t',
  'acme',
  '\\',
  '#',
  '?',
  '@',
  ':',
  '.',
  '*',
  'http://',
  'h',
  '80',
  '%5c',
  '\u00a0',
  '[',
]
/** All that a client can send: Node's parser lets every one of these through. */
const target = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(''))

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
] as const)('a request target that %s routes', (_version, express) => {
  /** A request for it, and the path by which it is routed; none where the router can read none. */
  function routed(url: string): { request: Request; path: string | undefined } {
    const request = Object.assign(Object.create(express.request) as Request, { url, originalUrl: url, headers: {} })
    try {
      return { request, path: request.path }
    } catch {
      return { request, path: undefined }
    }
  }

  it.each(['/t\\acme#', '//a@b/t/acme#', '//a@b/t/acme?#', '/t/acme\\#', '/t/acme\u00a0#'])(
    'to a tenant names that tenant, or none that is known: %s',
    (url) => {
      const { request, path } = routed(url)
      expect(path).toMatch(/^\/t\/acme/)
      expect(fromPath('/t/:tenant').read(request, request)).toEqual({ tenant: '$unknown' })
    },
  )

  it('to a tenant names that tenant, or none that is known, whatever stands around it', () => {
    fc.assert(
      fc.property(target, (url) => {
        const { request, path } = routed(url)
        const tenant = /^\/t\/([^/]+)/i.exec(path ?? '')?.[1]
        if (tenant === undefined) return
        const claim = fromPath('/t/:tenant').read(request, request) as { tenant: string }
        expect(['$unknown', decodeURIComponent(tenant)]).toContain(claim?.tenant)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is not taken for the path below a host that is none', () => {
    const { request, path } = routed('http://h:*/public/a')
    expect(path).toBe('/:*/public/a')
    expect(new ExpressExchange(request, {} as never).path).toBe('http://h:*/public/a')
  })
})
