import { expect, it } from 'vitest'
import * as core from '../../src/index.ts'

type Sources = 'fromSubdomain' | 'fromHost' | 'fromHeader' | 'fromPath' | 'fromClaim' | 'fromApiKey'
const sources = core as unknown as Record<Sources, (...given: unknown[]) => unknown>
const pinned = { issuer: 'i', audience: 'a', algorithms: ['RS256'], keys: new Uint8Array(32) }
const lookup = (): undefined => undefined

it.each<[Sources, unknown[], string]>([
  ['fromSubdomain', [], 'the domain must be a text, not undefined'],
  ['fromSubdomain', [7], 'the domain must be a text, not a number'],
  ['fromSubdomain', ['example.com', null], 'its options must be an object, not null'],
  ['fromSubdomain', ['example.com', { lookup: 'slugs' }], '"lookup" must be a function'],
  ['fromSubdomain', ['example.com', { ignore: 'www' }], '"ignore" must be a list of names'],
  ['fromSubdomain', ['example.com', { trustForwardedHost: 'yes' }], '"trustForwardedHost" must be true, false or'],
  ['fromHost', [], 'its options must be an object, not undefined'],
  ['fromHost', [lookup], 'its options must be an object, not a function'],
  ['fromHost', [{}], '"lookup" must be a function'],
  ['fromHeader', [], 'the name must be a text, not undefined'],
  ['fromHeader', [['x-tenant-id']], 'the name must be a text, not a list'],
  ['fromHeader', ['x-tenant-id', lookup], 'its options must be an object, not a function'],
  ['fromHeader', ['x-tenant-id', { trust: true }], '"trust" must be a function'],
  ['fromPath', [], 'the pattern must be a text or { segment }, not undefined'],
  ['fromPath', [null], 'the pattern must be a text or { segment }, not null'],
  ['fromPath', [3], 'the pattern must be a text or { segment }, not a number'],
  ['fromPath', [{}], '"segment" must be a whole number'],
  ['fromClaim', [], 'the first parameter must name a claim, not be undefined'],
  ['fromClaim', ['org_id', null], 'its options must be an object, not null'],
  ['fromClaim', ['org_id', { claims: {} }], '"claims" must be a function'],
  ['fromClaim', ['org_id', { weak: 'yes' }], '"weak" must be true or false'],
  ['fromClaim', ['org_id', { ...pinned, issuer: 7 }], '"issuer" must be a text or a list of texts'],
  ['fromClaim', ['org_id', { ...pinned, algorithms: null }], '"algorithms" must be a text or a list of texts'],
  ['fromClaim', ['org_id', { ...pinned, keys: 'secret' }], '"keys" must be a key set'],
  ['fromClaim', ['org_id', { ...pinned, keys: null }], '"keys" must be a key set'],
  ['fromClaim', ['org_id', { ...pinned, keys: {} }], '"keys" must be a key set'],
  ['fromClaim', ['org_id', { ...pinned, keys: { keys: [null] } }], '"keys" must be a key set'],
  ['fromClaim', ['org_id', { ...pinned, keys: undefined, jwks: 'jwks.json' }], '"jwks" must be a URL'],
  ['fromClaim', ['org_id', { ...pinned, keys: undefined, jwks: 'file:///jwks.json' }], '"jwks" must be a URL of http'],
  ['fromClaim', ['org_id', { ...pinned, clockToleranceSeconds: '5' }], '"clockToleranceSeconds" must be a number'],
  ['fromClaim', ['org_id', { ...pinned, header: 7 }], '"header" must be a name'],
  ['fromApiKey', [], 'the first parameter must be a function, not undefined'],
  ['fromApiKey', [new Map()], 'the first parameter must be a function, not an object'],
  ['fromApiKey', [lookup, 'x-api-key'], 'its options must be an object, not a string'],
  ['fromApiKey', [lookup, { header: 7 }], '"header" must be a name'],
  ['fromApiKey', [lookup, { prefix: /sk_/ }], '"prefix" must be a text'],
])('%s(...%j) is refused with what is wrong and how it is called', (name, given, problem) => {
  const call = (): unknown => sources[name](...given)
  expect(call).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
  expect(call).toThrow(`${name}: ${problem}`)
  expect(call).toThrow(`It is called as ${name}(`)
})

it('tells nothing of a secret that was given where none belongs', () => {
  expect(() => sources.fromApiKey('sk_live_1')).toThrow(expect.not.stringContaining('sk_live_1'))
  expect(() => sources.fromClaim('org_id', { ...pinned, keys: 'hunter2' })).toThrow(
    expect.not.stringContaining('hunter2'),
  )
})
