import { OFREPProvider } from '@openfeature/ofrep-provider'
import { OpenFeature } from '@openfeature/server-sdk'
import { memoryStorage } from '@throughline/core/storage'
import { createTestThroughline } from '@throughline/core/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { HOST } from '../packages/core/src/instance.ts'
import { expectAnswer, expectValid } from './ofrep-protocol.ts'
import type { AppOf, OfrepAppOptions } from './ofrep-server.ts'
import { ADAPTERS, EventStream, flagsOf, listen, OLDER_ADAPTERS } from './ofrep-server.ts'
import { until } from './until.ts'

/** Who may not ask at all is told so by the app's own `tenantContext`, before the protocol begins. */
const PROBLEM_JSON = 'application/problem+json'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const by = { actor: { id: 'olga' }, reason: 'test' }

async function serveOn(appOf: AppOf, options: OfrepAppOptions = {}, throughline = flagsOf()) {
  ends.push(() => throughline.close())
  await throughline.platform.run(by, async ({ tenants }) => {
    await tenants.create({ id: 'acme', plan: 'enterprise' })
    await tenants.create({ id: 'globex', plan: 'free' })
    await tenants.create({ id: 'initech', plan: 'free' })
  })
  const { url, open, stop } = await listen(appOf(throughline, options))
  ends.push(stop)
  const post = async (path: string, body: unknown = {}, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/ofrep/v1/evaluate/flags${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'x-user': 'ada@acme', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await answer.text()
    const parsed = text === '' ? '' : JSON.parse(text)
    if (answer.headers.get('content-type') !== PROBLEM_JSON) expectAnswer(path, answer.status, answer.headers, parsed)
    return { status: answer.status, headers: answer.headers, body: parsed }
  }
  const listenTo = async (user: string, headers: Record<string, string> = {}) => {
    const stream = await EventStream.open(`${url}/ofrep/v1/streams`, { 'x-user': user, ...headers })
    ends.push(async () => stream.leave())
    return stream
  }
  return { throughline, url, open, post, listenTo }
}

describe.each(ADAPTERS)('OFREP on %s', (_name, appOf) => {
  const serve = (options?: OfrepAppOptions, throughline?: ReturnType<typeof flagsOf>) =>
    serveOn(appOf, options, throughline)

  describe('a single flag', () => {
    it('is answered as the protocol says, with the rule that decided', async () => {
      const { post } = await serve()
      for (const key of ['reports', 'preview', 'theme', 'menu', 'ratio', 'drawn']) {
        const { status } = await post(`/${key}`)
        expect([key, status]).toEqual([key, 200])
      }
      const { body, headers } = await post('/reports')
      expect(body).toEqual({
        key: 'reports',
        value: true,
        reason: 'TARGETING_MATCH',
        variant: 'on',
        metadata: { owner: 'billing', tier: 2, rule: 'paying' },
      })
      expect(headers.get('cache-control')).toBe('private, no-cache')
      expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    })

    it('is that of the tenant of the request, whatever the body says', async () => {
      const { post } = await serve()
      const context = {
        targetingKey: 'acme',
        org: { id: 'acme', plan: 'enterprise' },
        'org.plan': 'enterprise',
        tenant: 'acme',
        actor: { id: 'root' },
      }
      const { body } = await post('/reports', { context, tenant: 'acme' }, { 'x-user': 'bob@globex' })
      expect(body).toMatchObject({ value: false, reason: 'UNKNOWN', metadata: { reason: 'DEFAULT' } })
    })

    it('reads what the call adds as attributes, own ones alone', async () => {
      const { post } = await serve()
      expect((await post('/preview', { context: { preview: true } })).body.value).toBe(true)
      expect((await post('/preview', '{"context":{"__proto__":{"preview":true}}}')).body.value).toBe(false)
      expect((await post('/preview', '{"__proto__":{"context":{"preview":true}}}')).body.value).toBe(false)
      expect(Object.hasOwn(Object.prototype, 'preview')).toBe(false)
    })

    it('is recorded as any evaluation is', async () => {
      const { post, throughline } = await serve()
      await post('/reports')
      const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () =>
        throughline.audit.list({ action: 'flag.evaluated' }),
      )
      expect(events.map(({ actor, targets }) => [actor.id, targets[0]?.id])).toEqual([['ada', 'reports']])
    })

    it('is not found when there is none', async () => {
      const { post } = await serve()
      for (const key of ['nope', 'toString', 'a/b', 'a%2Fb']) {
        const { status, body } = await post(`/${key}`)
        expect([status, body.errorCode, body.key]).toEqual([404, 'FLAG_NOT_FOUND', decodeURIComponent(key)])
      }
    })

    it('refuses what is no call', async () => {
      const { post } = await serve()
      const deep = `{"context":{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}}`
      const calls: readonly (readonly [what: string, body: string, code: string, headers?: Record<string, string>])[] =
        [
          ['what is no JSON', '{', 'PARSE_ERROR'],
          ['another content type', '{}', 'PARSE_ERROR', { 'Content-Type': 'text/plain' }],
          ['an empty body', '', 'PARSE_ERROR'],
          ['more than 64 KiB', `{"context":{"a":"${'a'.repeat(66_000)}"}}`, 'PARSE_ERROR'],
          ['a body that is compressed', '{}', 'PARSE_ERROR', { 'Content-Encoding': 'gzip' }],
          ['a list', '[]', 'INVALID_CONTEXT'],
          ['a context that is a list', '{"context":[]}', 'INVALID_CONTEXT'],
          ['a context that is null', '{"context":null}', 'INVALID_CONTEXT'],
          ['a targeting key that is no text', '{"context":{"targetingKey":7}}', 'INVALID_CONTEXT'],
          ['a context without a bottom', deep, 'INVALID_CONTEXT'],
        ]
      for (const [what, body, code, headers] of calls) {
        const single = await post('/reports', body, headers)
        expect([what, single.status, single.body.errorCode]).toEqual([what, 400, code])
        const bulk = await post('', body, headers)
        expect([what, bulk.status, bulk.body.errorCode]).toEqual([what, 400, code])
      }
    })

    it('refuses a key that is not well-formed', async () => {
      const { post } = await serve()
      const { status, body } = await post('/%E0%A4')
      expect([status, body.errorCode]).toEqual([400, 'PARSE_ERROR'])
    })

    it('says that a rule draws by actor where there is none', async () => {
      const { post } = await serve()
      const { status, body } = await post('/drawn', {}, { 'x-user': '@acme' })
      expect([status, body.errorCode]).toEqual([400, 'TARGETING_KEY_MISSING'])
    })
  })

  it('says that the protocol has no lists, to whoever asks for a flag that is one', async () => {
    const { post } = await serve()
    const { status, body } = await post('/cities')
    expect([status, body.errorCode]).toEqual([400, 'GENERAL'])
    expect(body.errorDetails).toContain('put it into an object')
    const { body: all } = await post('')
    expect(all.flags).toContainEqual(body)
  })

  it('leaves who may ask to the context of the app, and other paths to the app', async () => {
    const { post, url } = await serve()
    expect((await post('/reports', {}, { 'x-user': '' })).status).toBe(400)
    expect((await post('/reports', {}, { 'x-user': 'ada@nobody' })).status).toBe(404)
    const own = await fetch(`${url}/ofrep/v1/own`, { headers: { 'x-user': 'ada@acme' } })
    expect([own.status, await own.text()]).toEqual([200, '"own"'])
    const other = await fetch(`${url}/ofrep/v1/evaluate/flags`, { headers: { 'x-user': 'ada@acme' } })
    await other.text()
    expect(other.status).toBe(404)
  })

  it('takes what a body parser of the app has read', async () => {
    const { post } = await serve({ parse: true })
    expect((await post('/preview', { context: { preview: true } })).body.value).toBe(true)
    expect((await post('/preview', '[]')).body.errorCode).toBe('INVALID_CONTEXT')
  })

  it('takes a unit of the limit for each call, and says when the next one is', async () => {
    const { post } = await serve({ limit: 'ofrep' })
    expect((await post('/reports')).status).toBe(200)
    expect((await post('')).status).toBe(200)
    const { status, headers } = await post('/reports')
    expect(status).toBe(429)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await post('/reports', {}, { 'x-user': 'bob@globex' })).status).toBe(200)
  })

  it('answers what nobody expected with a general error, and says nothing of it', async () => {
    const { post, throughline } = await serve()
    const { engines } = throughline[HOST] as { readonly engines: { readonly remoteFlags?: object } }
    Object.assign(engines.remoteFlags ?? {}, {
      evaluateIn() {
        throw new Error('secret')
      },
    })
    const { status, body } = await post('/reports')
    expect([status, JSON.stringify(body).includes('secret')]).toEqual([500, false])
    const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () =>
      throughline.audit.list({ action: 'error' }),
    )
    expect(events).toHaveLength(1)
  })

  describe('all flags', () => {
    it('are answered as the protocol says', async () => {
      const { post } = await serve()
      const { status, body } = await post('', { context: { preview: true } })
      expect(status).toBe(200)
      const values = body.flags.map(({ key, value }: { key: string; value: unknown }) => [key, value])
      expect(values.slice(0, 4)).toEqual([
        ['reports', true],
        ['preview', true],
        ['theme', { color: '#888' }],
        ['menu', 'old'],
      ])
    })

    it('say of each which has no value', async () => {
      const { post } = await serve()
      const { body } = await post('', {}, { 'x-user': '@acme' })
      expect(body.flags).toContainEqual(expect.objectContaining({ key: 'drawn', errorCode: 'TARGETING_KEY_MISSING' }))
    })

    it('are not sent again while nothing has changed for whoever asks', async () => {
      const { post, throughline } = await serve()
      const etagOf = async (body: object, user: string, etag = '') => {
        const answer = await post('', body, { 'x-user': user, 'If-None-Match': etag })
        expect(answer.headers.get('cache-control')).toBe('private, no-cache')
        expect(answer.headers.get('vary')).toContain('Authorization')
        return [answer.status, answer.headers.get('etag') ?? '', answer.body] as const
      }
      const context = { context: { preview: true } }
      const [, etag] = await etagOf(context, 'ada@acme')
      expect(etag).toMatch(/^"[\w-]{43}"$/)
      expect(await etagOf(context, 'ada@acme', etag)).toEqual([304, etag, ''])
      expect(await etagOf(context, 'ada@acme', `"other", W/${etag}`)).toEqual([304, etag, ''])
      expect((await etagOf(context, 'bob@acme', etag))[0]).toBe(200)
      expect((await etagOf({ context: { preview: true, page: 2 } }, 'ada@acme', etag))[0]).toBe(200)
      expect((await etagOf(context, 'ada@acme', '*'))[0]).toBe(200)
      await throughline.platform.run(by, ({ flags }) => flags.override('acme', 'menu', 'new'))
      const [status, changed] = await etagOf(context, 'ada@acme', etag)
      expect([status, changed === etag]).toEqual([200, false])
    })

    it('are never those of another tenant or actor, also where both see the same', async () => {
      const { post, throughline } = await serve()
      await throughline.platform.run(by, ({ flags }) => flags.override('globex', 'reports', true))
      await throughline.platform.run(by, ({ flags }) => flags.override('acme', 'reports', true))
      const [ours, theirs] = await Promise.all([post('', {}), post('', {}, { 'x-user': 'ada@globex' })])
      const seen = new Set<boolean>()
      expect(ours.body.flags).toEqual(theirs.body.flags)
      const etag = ours.headers.get('etag') ?? ''
      expect((await post('', {}, { 'If-None-Match': etag })).status).toBe(304)
      expect((await post('', {}, { 'x-user': 'ada@globex', 'If-None-Match': etag })).status).toBe(200)
      const sameFlags = JSON.stringify(ours.body.flags)
      for (const name of ['bob', 'cleo', 'dan', 'eve', 'fay', 'gus', 'hal']) {
        const other = await post('', {}, { 'x-user': `${name}@acme`, 'If-None-Match': etag })
        seen.add(JSON.stringify(other.body.flags) === sameFlags)
        expect(other.status).toBe(200)
      }
      expect(seen).toContain(true)
    })

    it('are as new as what a client was told of by another process', async () => {
      const storage = memoryStorage()
      const { post } = await serve({}, flagsOf({ storage }))
      const { body } = await post('')
      const other = flagsOf({ storage })
      ends.push(() => other.close())
      await other.platform.run(by, ({ flags }) => flags.override('acme', 'menu', 'new'))
      expect((await post('/menu')).body.value).toBe('old')
      const [, version] = body.metadata.version.split('.')
      const told = `?flagConfigEtag=${encodeURIComponent(`"0.${Number(version) + 1}"`)}`
      expect((await post(`/menu${told}`)).body.value).toBe('new')
      expect((await post('')).body.metadata.version).not.toBe(body.metadata.version)
    })

    it('are so where it was the definition of a flag that changed', async () => {
      const storage = memoryStorage()
      const { post } = await serve({}, flagsOf({ storage }))
      const { body, headers } = await post('')
      const other = flagsOf({ storage })
      ends.push(() => other.close())
      await other.platform.run(by, ({ flags }) => flags.patch('menu', { default: 'new' }))
      const [platform, version] = body.metadata.version.split('.')
      const told = `?flagConfigEtag=${Number(platform) + 1}.${version}`
      expect((await post(told, {}, { 'If-None-Match': headers.get('etag') ?? '' })).status).toBe(200)
      expect((await post('/menu')).body.value).toBe('new')
    })

    it('are so too after a clock was set back', async () => {
      const storage = memoryStorage()
      const { post, throughline } = await serve({}, flagsOf({ storage }))
      const { body } = await post('')
      const [, version] = body.metadata.version.split('.')
      const told = `?flagConfigEtag=0.${Number(version) + 1}`
      expect((await post(`/menu${told}`)).body.value).toBe('old')
      throughline.clock.set(throughline.clock.now() - 60_000)
      const other = flagsOf({ storage })
      ends.push(() => other.close())
      await other.platform.run(by, ({ flags }) => flags.override('acme', 'menu', 'new'))
      expect((await post(`/menu${told}`)).body.value).toBe('new')
    })
  })

  describe('the change stream', () => {
    it('is named by the bulk answer, and says what the protocol says', async () => {
      const { post, url, listenTo } = await serve()
      const { body } = await post('')
      expect(body.eventStreams).toEqual([{ type: 'sse', url: `${url}/ofrep/v1/streams` }])
      const stream = await listenTo('ada@acme')
      expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
      await until(() => stream.events.length === 1)
      expectValid('sseEventData', stream.events[0]?.data)
      expect(stream.events[0]?.data).toMatchObject({ type: 'refetchEvaluation', etag: body.metadata.version })
    })

    it('tells of changes of the definitions to everybody, of those of a tenant to its own', async () => {
      const { listenTo, throughline, post } = await serve()
      const [ours, theirs] = [await listenTo('ada@acme'), await listenTo('bob@globex')]
      await until(() => ours.events.length === 1 && theirs.events.length === 1)
      await throughline.platform.run(by, ({ flags }) => flags.override('acme', 'menu', 'new'))
      await until(() => ours.events.length === 2)
      expect((await post(`?flagConfigEtag=${ours.events[1]?.data.etag}`)).body.metadata.version).toBe(
        ours.events[1]?.id,
      )
      await throughline.platform.run(by, ({ flags }) => flags.patch('theme', { default: 'blue' }))
      await until(() => ours.events.length === 3 && theirs.events.length === 2)
      expect(theirs.events.map(({ id }) => id)).not.toContain(ours.events[2]?.id)
    })

    it('lets a client that comes back and has missed nothing be', async () => {
      const { listenTo } = await serve({ streams: { keepAlive: 1 } })
      const first = await listenTo('ada@acme')
      await until(() => first.events.length === 1)
      const again = await listenTo('ada@acme', { 'Last-Event-ID': first.events[0]?.id ?? '' })
      await until(() => again.text.includes(':\n\n'))
      expect(again.events).toEqual([])
    })

    it('tells a client that comes back of what was scheduled and began meanwhile', async () => {
      const { listenTo, throughline, post } = await serve()
      const at = throughline.clock.now() + 60_000
      await throughline.platform.run(by, ({ flags }) => flags.patch('menu', { default: 'new' }, { at }))
      const first = await listenTo('ada@acme')
      await until(() => first.events.length === 1)
      const seen = { 'Last-Event-ID': first.events[0]?.id ?? '' }
      first.leave()
      throughline.clock.advance(60_000)
      const again = await listenTo('ada@acme', seen)
      await until(() => again.events.length === 1)
      const told = again.events[0]?.data.etag
      const { body } = await post(`/menu?flagConfigEtag=${told}`)
      expect(body).toMatchObject({ value: 'new', metadata: { version: 1 } })
    })

    it('is on record once it is open, as a request that was handled, and keeps nothing from being closed', async () => {
      const { listenTo, throughline, open } = await serve()
      const trail = async () => {
        const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () =>
          throughline.audit.list({ action: 'request.handled' }),
        )
        return events.map(({ actor, outcome }) => [actor.id, outcome])
      }
      const stream = await listenTo('ada@acme')
      expect(await trail()).toEqual([['ada', 'success']])
      stream.leave()
      await until(() => open.size === 0)
      const other = await listenTo('ada@acme')
      expect(await trail()).toEqual([
        ['ada', 'success'],
        ['ada', 'success'],
      ])
      await throughline.close()
      expect(await other.ended).toBe(true)
      expect(open.size).toBe(0)
    })

    it('ends when its actor may not see the tenant any more', async () => {
      const { listenTo, throughline } = await serve()
      const stream = await listenTo('ada@acme')
      await throughline.platform.run(by, ({ tenants }) => tenants.suspend('acme'))
      expect(await stream.ended).toBe(true)
    })

    it('ends after its lifetime, so that the client comes back through the login', async () => {
      const { listenTo, throughline } = await serve({ streams: { keepAlive: 1, lifetime: 60_000 } })
      const stream = await listenTo('ada@acme')
      throughline.clock.advance(59_999)
      const { length } = stream.text
      await until(() => stream.text.length > length + 10)
      throughline.clock.advance(1)
      expect(await stream.ended).toBe(true)
    })

    it('is bounded by tenant and by process, and free again when clients leave', async () => {
      const { listenTo, open } = await serve({ streams: { perTenant: 1, perProcess: 2 } })
      const first = await listenTo('ada@acme')
      const second = await listenTo('bob@acme')
      expect([second.status, second.headers.get('retry-after')]).toEqual([429, '60'])
      await listenTo('ada@globex')
      expect((await listenTo('ada@initech')).status).toBe(503)
      first.leave()
      await until(() => open.size === 1)
      expect((await listenTo('bob@acme')).status).toBe(200)
    })

    it('takes a unit of the limit, and needs who may ask', async () => {
      const { listenTo } = await serve({ limit: 'ofrep' })
      expect((await listenTo('ada@nobody')).status).toBe(404)
      for (const status of [200, 200, 429]) expect((await listenTo('ada@acme')).status).toBe(status)
    })

    it('is not there where it is turned off', async () => {
      const { post, listenTo } = await serve({ streams: false })
      expect((await post('')).body).not.toHaveProperty('eventStreams')
      expect((await listenTo('ada@acme')).status).toBe(404)
    })

    it('is named under the origin of the options', async () => {
      const { post } = await serve({ origin: 'https://flags.example.com' })
      expect((await post('')).body.eventStreams[0].url).toBe('https://flags.example.com/ofrep/v1/streams')
    })
  })

  it('serves the provider of OpenFeature', async () => {
    const { url } = await serve()
    const user = 'ada@acme'
    await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: url, headers: [['x-user', user]] }))
    ends.push(() => OpenFeature.close())
    const client = OpenFeature.getClient()
    expect(await client.getBooleanDetails('reports', false, { targetingKey: 'globex' })).toMatchObject({
      value: true,
      variant: 'on',
      reason: 'TARGETING_MATCH',
      flagMetadata: { owner: 'billing', tier: 2, rule: 'paying' },
    })
    expect(await client.getBooleanValue('preview', false, { preview: true })).toBe(true)
    expect(await client.getStringValue('menu', 'none')).toBe('old')
    expect(await client.getNumberValue('ratio', 1)).toBe(0.25)
    expect(await client.getObjectValue('theme', {})).toEqual({ color: '#888' })
    expect(await client.getBooleanDetails('nope', true)).toMatchObject({ value: true, errorCode: 'FLAG_NOT_FOUND' })
    expect(await client.getBooleanDetails('menu', true)).toMatchObject({ value: true, errorCode: 'TYPE_MISMATCH' })
  })
})

describe.each(OLDER_ADAPTERS)('OFREP on %s', (_name, appOf) => {
  it('serves single flags, all flags and the change stream', async () => {
    const { post, listenTo } = await serveOn(appOf)
    expect((await post('/reports')).status).toBe(200)
    const { headers } = await post('')
    expect((await post('', {}, { 'If-None-Match': headers.get('etag') ?? '' })).status).toBe(304)
    const stream = await listenTo('ada@acme')
    await until(() => stream.events.length === 1)
  })
})

describe('options of ofrep', () => {
  const [[, appOf]] = ADAPTERS as readonly [(typeof ADAPTERS)[number]]

  it.each([
    [{ limit: 'ofrepp' }, 'no limit has the name "ofrepp". Did you mean "ofrep"?'],
    [{ limits: 'ofrep' }, 'limits is not known'],
    [{ streams: true }, 'streams must be false or options'],
    [{ streams: { perTenant: 0 } }, 'perTenant must be a whole number above 0'],
    [{ streams: { keepalive: 5 } }, 'keepalive is not known'],
    [{ origin: 'https://flags.example.com/path' }, 'origin must be a scheme and a host'],
    [{ origin: 'javascript:alert(1)' }, 'origin must be a scheme and a host'],
  ])('%j are refused', (options, words) => {
    const throughline = flagsOf()
    ends.push(() => throughline.close())
    expect(() => appOf(throughline, options as never)).toThrow(words)
  })

  it('need flags', () => {
    const throughline = createTestThroughline()
    ends.push(() => throughline.close())
    expect(() => appOf(throughline)).toThrow('the catalog has no "flags"')
  })
})
