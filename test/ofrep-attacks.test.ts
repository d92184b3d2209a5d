import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, RequestListener } from 'node:http'
import { Agent, get } from 'node:http'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import bodyParser from '@koa/bodyparser'
import type { ThroughlineHost } from '@throughline/core'
import { concurrent } from '@throughline/core'
import type { Storage } from '@throughline/core/storage'
import { createTestThroughline } from '@throughline/core/testing'
import * as onExpress from '@throughline/express'
import * as onKoa from '@throughline/koa'
import type { RequestHandler } from 'express'
import express from 'express'
import type { Middleware } from 'koa'
import Koa from 'koa'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { FlagStreams } from '../packages/core/src/http/ofrep/flag-streams.ts'
import { FaultyRecords } from './faulty-records.ts'
import { expectAnswer } from './ofrep-protocol.ts'
import { EventStream, listen } from './ofrep-server.ts'
import { until } from './until.ts'

const load = createRequire(import.meta.url)
const express4: typeof express = load('express4')
const Koa2: typeof Koa = load('koa2')
const by = { actor: { id: 'olga' }, reason: 'test' }

interface AppOptions extends onExpress.OfrepOptions {
  /** A body parser of the app that leaves JSON alone. */
  readonly parse?: boolean
  readonly mountedAt?: string
  readonly trust?: boolean
  /** Comes before the routes. */
  readonly before?: RequestHandler
  /** Comes before the user is known. */
  readonly login?: () => Promise<void>
}

type AppOf = (throughline: ThroughlineHost, options?: AppOptions) => RequestListener

interface WithHeaders {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** `ada@acme` */
const userOf = ({ headers }: WithHeaders): readonly string[] => String(headers['x-user']).split('@')
const contextOf = (login?: () => Promise<void>) => ({
  tenant: (request: WithHeaders) => userOf(request)[1],
  async actor(request: WithHeaders) {
    await login?.()
    return { id: String(userOf(request)[0]) }
  },
})

function expressApp(framework: typeof express): AppOf {
  return (throughline, { parse, mountedAt = '/', trust, before, login, ...options } = {}) => {
    const app = framework()
    app.set('env', 'test')
    if (trust) app.set('trust proxy', true)
    if (before) app.use(before)
    if (parse) app.use(framework.urlencoded({ extended: false }))
    app.use(onExpress.tenantContext(throughline, contextOf(login)))
    app.use(mountedAt, onExpress.ofrep(throughline, options))
    app.use((_request, response) => void response.status(404).end('own'))
    app.use(onExpress.problemDetails())
    return app
  }
}

function koaApp(Framework: typeof Koa): AppOf {
  return (throughline, { parse, mountedAt = '/', trust = false, before: _, login, ...options } = {}) => {
    const app = new Framework()
    app.proxy = trust
    app.silent = true
    app.use(onKoa.problemDetails())
    if (parse) app.use(bodyParser({ enableTypes: ['form'] }))
    app.use(onKoa.tenantContext(throughline, contextOf(login)))
    app.use(mounted(mountedAt.slice(1), onKoa.ofrep(throughline, options)))
    app.use((context) => {
      context.status = 404
      context.body = 'own'
    })
    return app.callback()
  }
}

/** As `koa-mount` does: what is mounted sees the path without its beginning. */
function mounted(name: string, inner: Middleware): Middleware {
  return async (context, next) => {
    const { path } = context
    if (name === '' || !path.startsWith(`/${name}/`)) return name === '' ? inner(context, next) : next()
    context.path = path.slice(name.length + 1)
    await inner(context, next)
    context.path = path
  }
}

const ADAPTERS: readonly (readonly [name: string, app: AppOf])[] = [
  ['Express', expressApp(express)],
  ['Express 4', expressApp(express4)],
  ['Koa', koaApp(Koa)],
  ['Koa 2', koaApp(Koa2)],
]
const [[, onExpress5]] = ADAPTERS as readonly [(typeof ADAPTERS)[number]]

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** The app's own table of organizations, and who belongs to which. */
const table: { plan: string; more: object; isMember: (actor: { readonly id: string }) => boolean | Promise<boolean> } =
  {
    plan: 'free',
    more: {},
    isMember: () => true,
  }

async function serve(appOf: AppOf, { storage, ...options }: AppOptions & { readonly storage?: Storage } = {}) {
  Object.assign(table, { plan: 'free', more: {}, isMember: () => true })
  const throughline = createTestThroughline({
    ...(storage && { storage }),
    logger: { warn() {} },
    tenants: { load: (id) => ({ id, plan: table.plan, ...table.more }), isMember: (actor) => table.isMember(actor) },
    plans: { free: {}, enterprise: {} },
    limits: { streams: concurrent(1) },
    flags: {
      reports: { rules: [{ if: { 'org.plan': 'enterprise' }, serve: true }], default: false },
      preview: { rules: [{ if: { 'context.preview': true }, serve: true }], default: false },
    },
  })
  const { url, open, close, stop } = await listen(appOf(throughline, options))
  ends.push(() => throughline.close(), stop)
  const post = async (path: string, body: string, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'x-user': 'ada@acme', ...headers },
      body,
    })
    const text = await answer.text()
    const parsed = text && JSON.parse(text)
    expectAnswer(path.slice(BULK.length), answer.status, answer.headers, parsed)
    return { status: answer.status, etag: answer.headers.get('etag') ?? '', text, body: parsed }
  }
  const listenTo = async (user = 'ada@acme', headers: Readonly<Record<string, string>> = {}) => {
    const stream = await EventStream.open(`${url}/ofrep/v1/streams`, { 'x-user': user, ...headers })
    ends.push(() => stream.leave())
    return stream
  }
  /** Sends bytes as they are, answers the statuses that came back. */
  const send = async (text: string): Promise<readonly number[]> => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    ends.push(() => socket.destroy())
    let got = ''
    socket.on('data', (bytes) => {
      got += String(bytes)
    })
    socket.write(text)
    await once(socket, 'close')
    return [...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))
  }
  return { throughline, url, open, close, post, listenTo, send }
}

const BULK = '/ofrep/v1/evaluate/flags'
const HEAD = 'Host: localhost\r\nx-user: ada@acme\r\nContent-Type: application/json\r\n'
const LAST = `POST ${BULK} HTTP/1.1\r\n${HEAD}Content-Length: 2\r\nConnection: close\r\n\r\n{}`

describe.each(ADAPTERS)('OFREP under attack on %s', (_name, appOf) => {
  it('reads a body that a parser of the app has left unread', async () => {
    const { post } = await serve(appOf, { parse: true })
    expect((await post(`${BULK}/preview`, '{"context":{"preview":true}}')).body.value).toBe(true)
    expect((await post(`${BULK}/preview`, '{')).body.errorCode).toBe('PARSE_ERROR')
  })

  it('answers for rows of the app that JSON can not say', async () => {
    const { post, listenTo } = await serve(appOf)
    const round: { self?: object } = {}
    round.self = round
    table.more = { seats: 10n, round }
    expect((await post(BULK, '{}')).status).toBe(200)
    const stream = await listenTo()
    await until(() => stream.events.length === 1)
  })

  it('looks once for a state that nobody told, not for every call that makes one up', async () => {
    const { post } = await serve(appOf)
    let asked = 0
    table.isMember = () => {
      asked += 1
      return true
    }
    for (let i = 0; i < 20; i++) expect((await post(`${BULK}?flagConfigEtag=99${i}.99${i}.x`, '{}')).status).toBe(200)
    expect(asked).toBeLessThan(5)
  })

  it('names the stream under what it is mounted under, and the host that a trusted proxy says', async () => {
    const proxied = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'flags.example.com:8443' }
    const trusting = await serve(appOf, { mountedAt: '/api', trust: true })
    const [stream] = (await trusting.post(`/api${BULK}`, '{}', proxied)).body.eventStreams
    expect(stream.url).toBe('https://flags.example.com:8443/api/ofrep/v1/streams')
    const direct = await serve(appOf, { mountedAt: '/api' })
    const [own] = (await direct.post(`/api${BULK}`, '{}', proxied)).body.eventStreams
    expect(own.url).toBe(`${direct.url}/api/ofrep/v1/streams`)
  })

  it('names it for a host with its default port, and not for one that says more than a host', async () => {
    const { post } = await serve(appOf, { trust: true })
    const streamsFor = async (host: string) => {
      const { body } = await post(BULK, '{}', { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': host })
      return body.eventStreams?.[0].url
    }
    expect(await streamsFor('example.com:443')).toBe('https://example.com/ofrep/v1/streams')
    for (const host of ['example.com/path', 'example.com?a', 'exa mple.com']) {
      expect([host, await streamsFor(host)]).toEqual([host, undefined])
    }
  })

  it('opens no stream for a request that was let in before the instance began to close', async () => {
    let reached = false
    let go: (() => void) | undefined
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const login = () => {
      reached = true
      return gate
    }
    const { throughline, listenTo, open } = await serve(appOf, { login })
    const asked = listenTo()
    await until(() => reached)
    const closing = throughline.close()
    go?.()
    expect((await asked).status).toBe(503)
    await closing
    await until(() => open.size === 0)
  })

  it('answers the next call on the connection of one that was too large, was cut off or named no flag', async () => {
    const { send, open, url } = await serve(appOf)
    const chunk = `2710\r\n${'a'.repeat(10_000)}\r\n`
    const chunked = `POST ${BULK} HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`
    expect(await send(chunked + LAST)).toEqual([400, 200])
    const declared = `POST ${BULK} HTTP/1.1\r\n${HEAD}Content-Length: 70000\r\n\r\n${'a'.repeat(70_000)}`
    expect(await send(declared + LAST)).toEqual([400, 200])
    for (const key of ['__proto__', 'constructor', '%00', '..%2Fpreview', 'a'.repeat(10_000)]) {
      const call = `POST ${BULK}/${key} HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\n{}`
      expect([key, await send(call + LAST)]).toEqual([key, [404, 200]])
    }
    for (const [method, path] of [
      ['HEAD', '/ofrep/v1/streams'],
      ['OPTIONS', BULK],
      ['GET', `${BULK}/preview`],
      ['POST', '/ofrep/v1/streams'],
      ['POST', `${BULK}/`],
    ] as const) {
      expect([method, path, await send(`${method} ${path} HTTP/1.1\r\n${HEAD}\r\n${LAST}`)]).toEqual([
        method,
        path,
        [404, 200],
      ])
    }
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(`POST ${BULK} HTTP/1.1\r\n${HEAD}Content-Length: 20\r\n\r\n{`)
    await until(() => open.size === 1)
    socket.destroy()
    await until(() => open.size === 0)
  })

  it('keeps a server that closes waiting for no connection whose stream has ended', async () => {
    const { throughline, close, url } = await serve(appOf)
    const agent = new Agent({ keepAlive: true })
    ends.push(() => agent.destroy())
    const request = get(`${url}/ofrep/v1/streams`, { agent, headers: { 'x-user': 'ada@acme' } })
    const [stream] = (await once(request, 'response')) as [IncomingMessage]
    const ended = once(stream.resume(), 'end')
    const closed = close()
    await throughline.close()
    await ended
    await closed
  })

  it('frees what a limit of what may run at once counts when the stream ends', async () => {
    const { listenTo, open } = await serve(appOf, { limit: 'streams' })
    const stream = await listenTo()
    expect((await listenTo()).status).toBe(429)
    expect((await listenTo('bob@globex')).status).toBe(200)
    stream.leave()
    await until(() => open.size === 1)
    expect((await listenTo()).status).toBe(200)
  })
})

describe('the change stream of OFREP under attack', () => {
  it("tells of a change in the app's own table of organizations, to those of the tenant", async () => {
    const { listenTo, throughline, post } = await serve(onExpress5, { streams: { keepAlive: 2 } })
    const stream = await listenTo()
    await until(() => stream.events.length === 1)
    const before = await post(BULK, '{}')
    table.plan = 'enterprise'
    throughline.clock.advance(3_000)
    // Twice, for a process that is asked at once may not have looked yet.
    await until(() => stream.events.length === 3)
    const [first, second, third] = stream.events.map(({ id }) => id)
    expect([second === first, third === second]).toEqual([false, true])
    const { status, body } = await post(`${BULK}?flagConfigEtag=${third}`, '{}', { 'If-None-Match': before.etag })
    expect([status, body.flags[0].value, body.metadata.version]).toEqual([200, true, third])
    const { length } = stream.text
    await until(() => stream.text.length > length + 10)
    expect(stream.events).toHaveLength(3)
  })

  it('tells of a change of what JSON can not say', async () => {
    const { throughline, post } = await serve(onExpress5)
    const seats = async (count: bigint) => {
      table.more = { seats: count }
      throughline.clock.advance(3_000)
      return (await post(BULK, '{}')).body.metadata.version
    }
    const versions = [await seats(10n), await seats(11n), await seats(11n)]
    expect(versions[1]).not.toBe(versions[0])
    expect(versions[2]).toBe(versions[1])
  })

  it('has the same ETag where the same was answered, whatever else is new', async () => {
    const { throughline, post } = await serve(onExpress5)
    const { etag, body } = await post(BULK, '{}')
    table.plan = 'other'
    throughline.clock.advance(3_000)
    expect((await post(BULK, '{}')).body.metadata.version).not.toBe(body.metadata.version)
    expect((await post(BULK, '{}', { 'If-None-Match': etag })).status).toBe(304)
    expect((await post(BULK, '{}', { 'If-None-Match': etag, 'x-user': 'ada@globex' })).status).toBe(200)
  })

  it('ends for an actor who is no member any more, and for nobody else', async () => {
    const { listenTo, throughline } = await serve(onExpress5, { streams: { keepAlive: 2 } })
    const [ada, bob] = [await listenTo(), await listenTo('bob@acme')]
    table.isMember = ({ id }) => id !== 'ada'
    throughline.clock.advance(3_000)
    expect(await ada.ended).toBe(true)
    const { length } = bob.text
    await until(() => bob.text.length > length + 10)
  })

  it('tells nothing while it can not be known whether the actor may know, and then all', async () => {
    const { listenTo, throughline } = await serve(onExpress5, { streams: { keepAlive: 2 } })
    const stream = await listenTo()
    await until(() => stream.events.length === 1)
    let asked = 0
    table.isMember = () => {
      asked += 1
      throw new Error('no answer')
    }
    throughline.clock.advance(3_000)
    await throughline.platform.run(by, ({ flags }) => flags.patch('reports', { default: true }))
    const { length } = stream.text
    await until(() => asked > 2 && stream.text.length > length + 10)
    expect(stream.events).toHaveLength(1)
    table.isMember = () => true
    await until(() => stream.events.length === 2)
  })

  it('ends after its lifetime although a look-up gets no answer', async () => {
    const { listenTo, throughline } = await serve(onExpress5, { streams: { keepAlive: 2, lifetime: 60_000 } })
    const stream = await listenTo()
    let asked = false
    table.isMember = () => {
      asked = true
      return new Promise(() => {})
    }
    throughline.clock.advance(3_000)
    await until(() => asked)
    throughline.clock.advance(60_000)
    expect(await stream.ended).toBe(true)
  })

  it('does not have everybody looked up at once, when all are told', async () => {
    vi.useFakeTimers()
    ends.push(() => vi.useRealTimers())
    let [looks, change] = [0, () => {}]
    const watch = (listener: (tenant: string | undefined) => void) => {
      change = () => listener(undefined)
      return () => {}
    }
    const nothing = { now: () => 0, onClosing: () => () => {}, isClosed: () => false, onFailure() {} }
    const streams = new FlagStreams({ ...nothing, flags: { watch } as never, limits: { perTenant: 200 } })
    const reload = async () => {
      looks += 1
    }
    const owner = { now: () => 0, reload }
    const scope = { owner, tenant: { id: 'acme' }, actor: {}, snapshot: { platformVersion: 1, version: 1 } }
    const responses = Array.from({ length: 150 }, () =>
      Object.assign(new EventEmitter(), { writeHead() {}, write() {} }),
    )
    for (const response of responses) await streams.open(scope as never, response as never, undefined)
    await vi.advanceTimersByTimeAsync(0)
    looks = 0
    change()
    expect(looks).toBe(100)
    for (const response of responses.slice(-20)) response.emit('close')
    vi.advanceTimersByTime(20)
    expect(looks).toBe(130)
    vi.advanceTimersByTime(1_000)
    expect(looks).toBe(130)
  })

  it('is cut off where its client does not read that it has ended', async () => {
    const { throughline, url, open } = await serve(onExpress5, { streams: { keepAlive: 20 } })
    const socket = connect(Number(new URL(url).port), '127.0.0.1').pause()
    ends.push(() => socket.destroy())
    socket.write(`GET /ofrep/v1/streams HTTP/1.1\r\n${HEAD}\r\n`)
    await until(() => [...open].some(({ headersSent }) => headersSent))
    for (const response of open) response.write(Buffer.alloc(32_000_000))
    await throughline.close()
    await until(() => open.size === 0)
  })

  it('tells of a change that came while its request was put on record', async () => {
    const records = new FaultyRecords()
    const { listenTo, throughline } = await serve(onExpress5, { storage: { records } })
    const first = await listenTo()
    await until(() => first.events.length === 1)
    const seen = { 'Last-Event-ID': first.events[0]?.id ?? '' }
    records.break('hang', 'append')
    const opening = listenTo('ada@acme', seen)
    await until(() => records.hanging > 0)
    let changed = false
    const changing = throughline.platform.run(by, async ({ flags }) => {
      await flags.patch('reports', { default: true })
      changed = true
    })
    await until(() => changed)
    records.heal()
    await changing
    const again = await opening
    await until(() => again.events.length === 1)
  })

  it('gives its place back where its head can not be sent', async () => {
    let broken = true
    const before: RequestHandler = (_request, response, next) => {
      const { writeHead } = response
      response.writeHead = function (this: typeof response, ...head: unknown[]) {
        if (!broken) return Reflect.apply(writeHead, this, head)
        broken = false
        throw new Error('broken')
      }
      next()
    }
    const { listenTo } = await serve(onExpress5, { before, streams: { perTenant: 1 } })
    expect((await listenTo()).status).toBe(500)
    expect((await listenTo()).status).toBe(200)
  })

  it('gives its place back where something else has answered', async () => {
    let busy = true
    const before: RequestHandler = (_request, response, next) => {
      next()
      if (busy) process.nextTick(() => response.writeHead(503).write('busy'))
      busy = false
    }
    const { listenTo } = await serve(onExpress5, { before, streams: { perTenant: 1 } })
    expect((await listenTo()).status).toBe(503)
    expect((await listenTo()).status).toBe(200)
  })
})

it('reads a body of which something of the app has the text', async () => {
  const before: RequestHandler = (request, _response, next) => {
    request.setEncoding('utf8')
    next()
  }
  const { post } = await serve(onExpress5, { before })
  expect((await post(`${BULK}/preview`, '{"context":{"preview":true,"name":"é"}}')).body.value).toBe(true)
})

it("tells Express of what another middleware's wrapper throws, instead of nobody", async () => {
  const before: RequestHandler = (_request, response, next) => {
    const { setHeader } = response
    response.setHeader = function (this: typeof response, name, value) {
      if (value === 'private, no-cache') throw new Error('wrapped')
      return setHeader.call(this, name, value)
    }
    next()
  }
  const { url } = await serve(onExpress5, { before })
  const headers = { 'Content-Type': 'application/json', 'x-user': 'ada@acme' }
  const answer = await fetch(url + BULK, { method: 'POST', headers, body: '{}' })
  expect([answer.status, (await answer.text()).includes('wrapped')]).toEqual([500, true])
})
