import { generateKeyPairSync } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { fromApiKey } from '../../src/resolve/from-api-key.ts'
import type { VerifiedToken } from '../../src/resolve/from-claim.ts'
import { fromClaim } from '../../src/resolve/from-claim.ts'
import { UNKNOWN_TENANT } from '../../src/resolve/source.ts'
import { serve } from '../http/raw-client.ts'
import { message, read } from './message.ts'

describe('fromApiKey', () => {
  const KEY = 'sk_live_secret'
  const owner = { tenant: 'acme', actor: { id: 'key-1', name: 'CI' } }
  const source = fromApiKey((key) => (key === KEY ? owner : undefined))

  it('brings tenant and actor', async () => {
    const claim = { tenant: 'acme', actor: { id: 'key-1', name: 'CI', type: 'api_key' }, member: true }
    expect(read(source, { Authorization: `Bearer ${KEY}` })).toEqual(claim)
    expect(read(source, { Authorization: `bearer  ${KEY}` })).toEqual(claim)
    expect(
      await read(
        fromApiKey(async () => owner, { header: 'X-API-Key' }),
        { 'x-api-key': 'any' },
      ),
    ).toEqual(claim)
  })

  it('is not there without a key, or with a credential of another kind', () => {
    expect(read(source)).toBeUndefined()
    expect(read(source, { Authorization: 'Basic abc' })).toBeUndefined()
    expect(
      read(
        fromApiKey(() => owner, { prefix: 'sk_' }),
        { Authorization: 'Bearer eyJ.x.y' },
      ),
    ).toBeUndefined()
  })

  it('refuses a key that nobody has, and keeps it to itself', async () => {
    let asked = 0
    const counting = fromApiKey(() => void asked++)
    const later = fromApiKey(async () => null)
    for (const attempt of [
      async () => read(source, { Authorization: 'Bearer sk_live_wrong' }),
      async () => read(later, { Authorization: 'Bearer sk_live_wrong' }),
      async () => read(counting, { Authorization: `Bearer ${'k'.repeat(513)}` }),
      async () => read(counting, { Authorization: 'Bearer ' }),
    ]) {
      const error = await attempt().catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'API_KEY_INVALID', status: 401 })
      expect(
        JSON.stringify({ ...(error as object), message: String(error), stack: (error as Error).stack }),
      ).not.toMatch(/sk_live|kkk/)
    }
    expect(asked).toBe(0)
  })

  it('says what a look-up must answer that leaves out the actor', () => {
    for (const answer of ['acme', { tenant: 'acme' }, { tenant: 'acme', actor: 'key-1' }]) {
      const incomplete = fromApiKey(() => answer as never)
      expect(() => read(incomplete, { Authorization: `Bearer ${KEY}` })).toThrow(
        'OPTIONS_INVALID: fromApiKey: the look-up has answered without an actor; it must answer { tenant, actor: { id } }.',
      )
    }
  })

  it('refuses bad options', () => {
    expect(() => fromApiKey(undefined as never)).toThrow('must be a function')
    expect(() => fromApiKey(() => null, { headers: 'x' } as object)).toThrow('Did you mean "header"?')
  })
})

describe('fromClaim of claims that the app verified', () => {
  it('reads them where logins leave them', () => {
    const source = fromClaim('org_id')
    const ask = (request: unknown) => source.read(request, message())
    expect(ask({ auth: { org_id: 'acme' } })).toMatchObject({ tenant: 'acme' })
    expect(ask({ user: { org_id: 7 } })).toMatchObject({ tenant: '7' })
    expect(ask({ state: { user: { org_id: 'acme' } } })).toMatchObject({ tenant: 'acme' })
    for (const request of [{}, { user: null }, { user: {} }, { user: { org_id: null } }, { user: 'x' }]) {
      expect(ask(request)).toBeUndefined()
    }
    expect(ask({ user: { org_id: ['acme'] } })).toMatchObject({ tenant: UNKNOWN_TENANT })
    expect(source).toMatchObject({ name: 'claim:org_id', trust: 'proves', weak: false })
  })

  it('or where the app says', async () => {
    const source = fromClaim<{ session: object }>('org', { claims: async (request) => request.session, weak: true })
    expect(await source.read({ session: { org: 'acme' } }, message())).toMatchObject({ tenant: 'acme' })
    expect(source.weak).toBe(true)
  })

  it('reads no inherited property', () => {
    expect(fromClaim('constructor').read({ user: {} }, message())).toBeUndefined()
  })
})

describe('fromClaim of a token verified here', async () => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const others = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256' }
  const now = Date.UTC(2026, 0, 1)
  const pinned = { issuer: 'https://login.example.com/', audience: 'api', algorithms: ['ES256'], now: () => now }

  async function token(
    changes: Record<string, unknown> = {},
    key = keys.privateKey,
    header: object = {},
  ): Promise<string> {
    const claims = { org_id: 'acme', sub: 'ada', iss: pinned.issuer, aud: 'api', exp: now / 1_000 + 60, ...changes }
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one', ...header }).sign(key)
  }

  const bearer = async (value: string | Promise<string>) => ({ Authorization: `Bearer ${await value}` })

  it('by one key, by a key set, by a shared secret', async () => {
    const secret = new Uint8Array(32).fill(7)
    const shared = await new SignJWT({ org_id: 'acme', exp: now / 1_000 + 60, iss: pinned.issuer, aud: 'api' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(secret)
    const givens: readonly [VerifiedToken, string | Promise<string>][] = [
      [{ ...pinned, keys: keys.publicKey }, token()],
      [{ ...pinned, keys: { keys: [jwk] } }, token()],
      [{ ...pinned, keys: secret, algorithms: ['HS256'] }, shared],
    ]
    for (const [given, value] of givens) {
      expect(await read(fromClaim('org_id', given), await bearer(value))).toMatchObject({ tenant: 'acme' })
    }
  })

  it('by a key set that the issuer publishes, fetched once', async () => {
    let fetched = 0
    const { port, stop } = await serve((_request, response) => {
      fetched++
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
    })
    const source = fromClaim('org_id', { ...pinned, jwks: `http://127.0.0.1:${port}/jwks.json` })
    for (let i = 0; i < 3; i++) expect(await read(source, await bearer(token()))).toMatchObject({ tenant: 'acme' })
    expect(fetched).toBe(1)
    await stop()
  })

  it('leaves to fromApiKey what its keys begin with, and nothing else', async () => {
    const source = fromClaim('org_id', { ...pinned, keys: keys.publicKey, except: 'sk_' })
    expect(read(source, await bearer('sk_1'))).toBeUndefined()
    expect(await read(source, await bearer(token()))).toMatchObject({ tenant: 'acme' })
    await expect(read(source, await bearer('garbage'))).rejects.toMatchObject({ code: 'TOKEN_INVALID' })
    expect(() => fromClaim('org_id', { ...pinned, keys: keys.publicKey, except: '' })).toThrow('"except" must not be')
  })

  it('does not call a token bad whose keys can not be had', async () => {
    const { port, stop } = await serve((_request, response) => void response.writeHead(500).end())
    const source = fromClaim('org_id', { ...pinned, jwks: new URL(`http://127.0.0.1:${port}/`) })
    const error = await Promise.resolve(read(source, await bearer(token()))).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    expect((error as { code?: string }).code).not.toBe('TOKEN_INVALID')
    await stop()
  })

  it('brings an actor where the app says so', async () => {
    const source = fromClaim('org_id', {
      ...pinned,
      keys: keys.publicKey,
      actor: (claims) => ({ id: String(claims.sub) }),
    })
    expect(await read(source, await bearer(token()))).toEqual({ tenant: 'acme', actor: { id: 'ada' } })
  })

  it('is not there without a token or without the claim', async () => {
    const source = fromClaim('org_id', { ...pinned, keys: keys.publicKey })
    expect(read(source)).toBeUndefined()
    expect(read(source, { Authorization: 'Basic x' })).toBeUndefined()
    expect(await read(source, await bearer(token({ org_id: undefined })))).toBeUndefined()
    const named = fromClaim('org_id', { ...pinned, keys: keys.publicKey, header: 'X-Id-Token' })
    expect(await read(named, { 'x-id-token': await token() })).toMatchObject({ tenant: 'acme' })
  })

  it.each([
    ['of another key', token({}, others.privateKey)],
    ['of another issuer', token({ iss: 'https://evil.example.com/' })],
    ['for another audience', token({ aud: 'other' })],
    ['with no audience', token({ aud: undefined })],
    ['expired', token({ exp: now / 1_000 - 1 })],
    ['not valid yet', token({ nbf: now / 1_000 + 5 })],
    ['unsigned', token().then((t) => `${btoa('{"alg":"none"}')}.${t.split('.')[1]}.`)],
    ['changed', token().then((t) => t.replace(/\.[^.]+\./, `.${btoa('{"org_id":"globex"}')}.`))],
    ['that is none', Promise.resolve('garbage')],
    ['that is too long', Promise.resolve('x'.repeat(9_000))],
    [
      'signed with the public key as if it were a secret',
      new SignJWT({ org_id: 'acme', iss: pinned.issuer, aud: 'api' })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(keys.publicKey.export({ type: 'spki', format: 'pem' }).toString())),
    ],
  ])('refuses a token %s, and tells nothing of it', async (_name, value) => {
    for (const given of [keys.publicKey, { keys: [jwk] }]) {
      const source = fromClaim('org_id', { ...pinned, keys: given })
      const error = await Promise.resolve(read(source, await bearer(value))).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'TOKEN_INVALID', status: 401 })
      expect((error as Error).cause).toBeUndefined()
      expect(JSON.stringify({ ...(error as object), text: String(error) })).not.toMatch(/acme|globex|ada/)
    }
  })

  it('asks for everything that has to be pinned', () => {
    expect(() => fromClaim('o', { ...pinned })).toThrow('either "jwks" or "keys"')
    expect(() => fromClaim('o', { ...pinned, keys: keys.publicKey, jwks: 'http://x' })).toThrow('either')
    expect(() => fromClaim('o', { ...pinned, keys: keys.publicKey, algorithms: [] })).toThrow(
      '"algorithms" is required',
    )
    expect(() => fromClaim('o', { ...pinned, keys: keys.publicKey, algorithms: ['none'] })).toThrow('must list')
    expect(() => fromClaim('o', { ...pinned, keys: keys.publicKey, issuer: '' })).toThrow('"issuer" is required')
    expect(() => fromClaim('o', { ...pinned, keys: keys.publicKey, audiences: 'x' } as never)).toThrow(
      'Did you mean "audience"?',
    )
    expect(() => fromClaim('')).toThrow('must name a claim')
  })
})
