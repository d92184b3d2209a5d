import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ThroughlineError } from '../../src/errors.ts'
import { fromHeader } from '../../src/resolve/from-header.ts'
import { resolveTenant } from '../../src/resolve/resolve-tenant.ts'
import type { TenantClaim, TenantSource, Trust } from '../../src/resolve/source.ts'
import { toSource, UNKNOWN_TENANT } from '../../src/resolve/source.ts'
import { message } from './message.ts'

function source(
  claim: TenantClaim | undefined,
  { name = 's', trust = 'names' as Trust, weak = false, later = false } = {},
): TenantSource {
  return { name, trust, weak, read: () => (later ? Promise.resolve(claim) : claim) }
}

const resolve = (...sources: TenantSource[]) => resolveTenant(sources, undefined, message())

describe('resolveTenant', () => {
  it('none, one, several that agree', async () => {
    expect(resolve()).toEqual({ status: 'none' })
    expect(resolve(source(undefined))).toEqual({ status: 'none' })
    expect(resolve(source({ tenant: 'acme' }, { name: 'host' }), source(undefined))).toEqual({
      status: 'agreed',
      tenant: 'acme',
      trust: 'names',
      forgeable: false,
      member: false,
      sources: ['host'],
    })
    const actor = { id: 'key' }
    const both = resolve(
      source({ tenant: 'acme' }, { name: 'host' }),
      source({ tenant: 'acme', actor }, { name: 'api-key', trust: 'proves', later: true }),
    )
    expect(both).toBeInstanceOf(Promise)
    expect(await both).toEqual({
      status: 'agreed',
      tenant: 'acme',
      actor,
      trust: 'proves',
      forgeable: false,
      member: false,
      sources: ['host', 'api-key'],
    })
  })

  it('several that disagree: nobody wins', () => {
    expect(
      resolve(
        source({ tenant: 'acme' }, { name: 'host' }),
        source({ tenant: 'globex' }, { name: 'claim:org_id', trust: 'proves' }),
      ),
    ).toEqual({
      status: 'disagreement',
      sources: [
        { source: 'host', tenant: 'acme', trust: 'names' },
        { source: 'claim:org_id', tenant: 'globex', trust: 'proves' },
      ],
    })
  })

  it('hears a weak source only where there is no other, but takes its actor', () => {
    const weak = source({ tenant: 'globex', actor: { id: 'ada' } }, { name: 'last', weak: true, trust: 'proves' })
    expect(resolve(source({ tenant: 'acme' }, { name: 'host' }), weak)).toMatchObject({
      status: 'agreed',
      tenant: 'acme',
      trust: 'names',
      actor: { id: 'ada' },
      sources: ['host'],
    })
    expect(resolve(source(undefined), weak)).toMatchObject({ tenant: 'globex', trust: 'proves', sources: ['last'] })
    expect(resolve(weak, source({ tenant: 'acme' }, { weak: true }))).toMatchObject({ status: 'disagreement' })
  })

  it('takes a credential for a membership of the actor that it brings, and of no other', () => {
    const key = source({ tenant: 'acme', actor: { id: 'ci' }, member: true })
    const token = source({ tenant: 'acme', actor: { id: 'ada' } })
    expect(resolve(key)).toMatchObject({ actor: { id: 'ci' }, member: true })
    expect(resolve(key, token)).toMatchObject({ actor: { id: 'ci' }, member: true })
    expect(resolve(token, key)).toMatchObject({ actor: { id: 'ada' }, member: false })
  })

  it('takes a credential for no proof of where somebody else belongs', () => {
    const proves = { trust: 'proves' } as const
    const key = source({ tenant: 'acme', actor: { id: 'ci' }, member: true }, { name: 'key', ...proves })
    const last = source({ tenant: 'globex', actor: { id: 'bob' } }, { name: 'last', weak: true, ...proves })
    expect(resolve(key, last)).toMatchObject({ tenant: 'acme', actor: { id: 'ci' }, trust: 'proves' })
    expect(resolve(last, key)).toMatchObject({ tenant: 'acme', actor: { id: 'bob' }, trust: 'names', member: false })
    const claim = source({ tenant: 'acme', actor: { id: 'ada' } }, { name: 'claim', ...proves })
    expect(resolve(claim, key)).toMatchObject({ actor: { id: 'ada' }, trust: 'proves', member: false })
  })

  it('says when nothing but a forgeable header named it', () => {
    const header = fromHeader('x-tenant-id')
    const from = message({ 'x-tenant-id': 'acme' })
    expect(resolveTenant([header], undefined, from)).toMatchObject({ trust: 'names', forgeable: true })
    expect(resolveTenant([header, source({ tenant: 'acme' })], undefined, from)).toMatchObject({ forgeable: false })
    const trusted = fromHeader('x-tenant-id', { trust: () => true })
    expect(resolveTenant([trusted], undefined, from)).toMatchObject({ trust: 'proves', forgeable: false })
  })

  it('a function reads the verified user: numbers become strings, nothing is nothing, the rest is unknown', async () => {
    const ask = (value: unknown) =>
      resolveTenant([toSource((user: { org: unknown }) => user.org as string)], { org: value }, message())
    expect(ask('acme')).toMatchObject({ tenant: 'acme', trust: 'proves', sources: ['function'] })
    expect(ask(7)).toMatchObject({ tenant: '7' })
    expect(ask(null)).toEqual({ status: 'none' })
    expect(ask(undefined)).toEqual({ status: 'none' })
    expect(await ask(Promise.resolve('acme'))).toMatchObject({ tenant: 'acme' })
    for (const odd of ['', '$platform', Number.NaN, {}, ['acme'], true, 'a\nb', 'x'.repeat(201), 'acme\ud800']) {
      expect(ask(odd)).toMatchObject({ status: 'agreed', tenant: UNKNOWN_TENANT })
    }
    expect(ask(' acme')).toMatchObject({ tenant: ' acme' })
  })

  it('takes what a source of the app answers no further than an id', () => {
    expect(resolve(source({ tenant: '$platform' }))).toMatchObject({ tenant: UNKNOWN_TENANT })
  })

  it('passes a refusal on, at once or later, and leaves no rejection unhandled', async () => {
    const refusing = (later: boolean): TenantSource => ({
      name: 'api-key',
      trust: 'proves',
      weak: false,
      read() {
        const error = new ThroughlineError('API_KEY_INVALID')
        if (later) return Promise.reject(error)
        throw error
      },
    })
    expect(() => resolve(refusing(true), refusing(false))).toThrow('API_KEY_INVALID')
    await expect(resolve(refusing(true), source({ tenant: 'acme' }), refusing(true))).rejects.toThrow('API_KEY_INVALID')
  })

  it('any sources: agreed only if all that are heard say the same, whatever their order and pace', async () => {
    const one = fc.record({
      tenant: fc.option(fc.constantFrom('acme', 'globex', 'initech'), { nil: undefined }),
      weak: fc.boolean(),
      later: fc.boolean(),
      trust: fc.constantFrom<Trust>('names', 'proves'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 5 }), fc.nat(), async (parts, turn) => {
        const sources = parts.map(({ tenant, ...rest }) => source(tenant === undefined ? undefined : { tenant }, rest))
        const present = parts.filter(({ tenant }) => tenant !== undefined)
        const strong = present.filter(({ weak }) => !weak)
        const heard = strong.length > 0 ? strong : present
        const names = new Set(heard.map(({ tenant }) => tenant))
        const found = await resolve(...sources)
        expect(found.status).toBe(names.size === 0 ? 'none' : names.size === 1 ? 'agreed' : 'disagreement')
        if (found.status === 'agreed') {
          expect(names).toContain(found.tenant)
          expect(found.trust).toBe(heard.some(({ trust }) => trust === 'proves') ? 'proves' : 'names')
        }
        const at = turn % (sources.length + 1)
        expect((await resolve(...sources.slice(at), ...sources.slice(0, at))).status).toBe(found.status)
      }),
    )
  })
})
