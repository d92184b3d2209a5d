import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import express from 'express'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { holdResponse } from '../../src/http/held-response.ts'
import { RawClient, roundTrip, serve, turns } from './raw-client.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const HEAD = GET.replace('GET', 'HEAD')
const UPLOAD = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nthe beginning'
const KEPT_ALIVE = GET.replace('Connection: close\r\n', '')

interface Settling {
  readonly status: number
  readonly aborted: boolean
  done(): void
  fail(error: unknown): void
}

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A server whose responses wait until the test lets them go. */
async function held(handler: (request: IncomingMessage, response: ServerResponse) => void, before?: RequestListener) {
  const settled: Settling[] = []
  const late: string[] = []
  const responses: ServerResponse[] = []
  let wake = (): void => {}
  const { port, server, stop } = await serve((request, response) => {
    before?.(request, response)
    responses.push(response)
    holdResponse(request, response, {
      settle: (outcome) =>
        new Promise<void>((done, fail) => {
          settled.push({ ...outcome, done, fail })
          wake()
        }),
      replace: (error) => ({
        status: 503,
        headers: { 'Content-Type': 'text/plain', 'X-Why': (error as Error).message },
        body: 'not known',
      }),
      late: (what) => late.push(what),
    })
    handler(request, response)
  })
  stops.push(stop)
  return {
    port,
    server,
    settled,
    late,
    responses,
    async settling(count = 1): Promise<Settling> {
      while (settled.length < count) await new Promise<void>((resolve) => (wake = resolve))
      return settled[count - 1] as Settling
    },
  }
}

/** Long enough for whatever the server has sent to have arrived: a whole exchange on another connection passes it. */
async function quiet(): Promise<void> {
  const { port, stop } = await serve((_request, response) => response.end())
  for (let i = 0; i < 3; i++) await roundTrip(port, GET)
  await turns(5)
  await stop()
}

const WHOLE_ANSWERS: readonly (readonly [string, string, string, (response: ServerResponse) => void])[] = [
  ['end', GET, '', (r) => r.end('hello')],
  ['end with nothing', GET, '', (r) => r.end()],
  ['writeHead, then end', GET, '', (r) => r.writeHead(201, { 'X-A': '1' }).end('hello')],
  ['HEAD', HEAD, '', (r) => r.end('hello')],
  [
    'HEAD, head flushed',
    HEAD,
    '',
    (r) => {
      r.flushHeaders()
      r.end()
    },
  ],
  [
    '204, head flushed',
    GET,
    '',
    (r) => {
      r.statusCode = 204
      r.flushHeaders()
      r.end()
    },
  ],
  [
    'declared length 0, head flushed',
    GET,
    '',
    (r) => {
      r.setHeader('Content-Length', 0)
      r.flushHeaders()
      r.write('')
      r.end()
    },
  ],
  [
    'declared length, one write',
    GET,
    '',
    (r) => {
      r.setHeader('Content-Length', 5)
      r.write('hello')
      r.end()
    },
  ],
  [
    'declared length, several writes',
    GET,
    'hell',
    (r) => {
      r.writeHead(200, { 'Content-Length': '5' })
      r.write('hel')
      r.write('l')
      r.write('o')
      r.write('surplus')
      r.end()
    },
  ],
  [
    'chunked: its end',
    GET,
    '4\r\nhell\r\n1\r\no\r\n',
    (r) => {
      r.write('hell')
      r.write('o')
      r.end()
    },
  ],
]

describe('nothing is acknowledged before it is settled', () => {
  it.each(WHOLE_ANSWERS)('%s', async (_name, request, body, handler) => {
    const at = await held((_request, response) => handler(response))
    const client = new RawClient(at.port, request)
    const settling = await at.settling()
    await quiet()
    if (body === '') expect(client.text).toBe('')
    else expect(client.text.endsWith(`\r\n\r\n${body}`)).toBe(true)

    settling.done()
    const whole = await client.all()
    expect(whole.length).toBeGreaterThan(body.length)
    if (whole.includes('chunked')) expect(whole.endsWith('0\r\n\r\n')).toBe(true)
    expect(at.settled).toHaveLength(1)
  })

  it('a compressed answer, either way around', async () => {
    for (const place of ['outside', 'inside']) {
      const done: (() => void)[] = []
      const app = express()
      if (place === 'outside') app.use(compression({ threshold: 0 }))
      app.use((request, response, next) => {
        holdResponse(request, response, {
          settle: () => new Promise((resolve) => done.push(resolve)),
          replace: () => ({ status: 503, headers: {}, body: '' }),
        })
        next()
      })
      if (place === 'inside') app.use(compression({ threshold: 0 }))
      app.get('/', (_request, response) => void response.type('text').send('hello'))
      const { port, stop } = await serve(app)
      stops.push(stop)
      const client = new RawClient(port, GET.replace('Host', 'Accept-Encoding: gzip\r\nHost'))
      while (done.length === 0) await turns(1)
      await quiet()
      expect(client.text).not.toContain('\r\n0\r\n')
      done[0]?.()
      expect(unzipped(await client.all())).toBe('hello')
    }
  })

  it('a random sequence of writes: the bytes of bare Node, the last of them only once settled', async () => {
    const step = fc.oneof(
      fc.record({ write: fc.string({ maxLength: 20 }) }),
      fc.record({ write: fc.uint8Array({ maxLength: 20 }) }),
      fc.constant({ flush: true }),
      fc.constant({ turn: true }),
    )
    const answers = fc.record({
      steps: fc.array(step, { maxLength: 6 }),
      last: fc.option(fc.string({ minLength: 1, maxLength: 20 })),
      declared: fc.boolean(),
      method: fc.constantFrom('GET', 'HEAD'),
      status: fc.constantFrom(200, 201, 204, 304, 404),
    })
    const pending: (() => void)[] = []
    let answer: (response: ServerResponse) => Promise<void> = async () => {}
    const bare = await serve((_request, response) => void answer(response))
    const holding = await serve((request, response) => {
      holdResponse(request, response, {
        settle: () => new Promise<void>((resolve) => pending.push(resolve)),
        replace: () => ({ status: 503, headers: {}, body: '' }),
      })
      void answer(response)
    })
    stops.push(bare.stop, holding.stop)
    await fc.assert(
      fc.asyncProperty(answers, async ({ steps, last, declared, method, status }) => {
        answer = async (response) => {
          response.statusCode = status
          const sizes = steps.map((s) => ('write' in s ? Buffer.byteLength(s.write) : 0))
          const total = sizes.reduce((sum, size) => sum + size, 0) + Buffer.byteLength(last ?? '')
          if (declared) response.setHeader('Content-Length', total)
          for (const s of steps) {
            if ('write' in s) response.write(s.write)
            else if ('flush' in s) response.flushHeaders()
            else await turns(1)
          }
          if (last === null) response.end()
          else response.end(last)
        }
        const request = GET.replace('GET', method)
        const expected = await roundTrip(bare.port, request)
        const client = new RawClient(holding.port, request)
        while (pending.length === 0) await turns(1)
        await turns(2)
        expect(client.text.length).toBeLessThan(expected.length)
        pending.shift()?.()
        expect(withoutDate(await client.all())).toBe(withoutDate(expected))
      }),
      { numRuns: 150 },
    )
  })
})

describe('a settle that is rejected', () => {
  const why = new Error('disk full')

  it.each([
    ['end', GET, (r: ServerResponse) => r.setHeader('Set-Cookie', 'a=1').setHeader('X-Kept', '1').end('hello')],
    ['writeHead, then end', GET, (r: ServerResponse) => r.writeHead(201, { ETag: '"x"', 'X-Own': '1' }).end('hello')],
    ['204', GET, (r: ServerResponse) => r.writeHead(204).end()],
    ['chunked trailers that were announced', GET, (r: ServerResponse) => r.setHeader('Trailer', 'X-Sum').end()],
    [
      '304, the head of which could not be rendered',
      GET,
      (r: ServerResponse) => {
        r.setHeader('Trailer', 'X-Sum').statusCode = 304
        expect(() => r.write('')).toThrow('Trailers are invalid')
        r.end()
      },
    ],
    ['HEAD', HEAD, (r: ServerResponse) => r.end('hello')],
    [
      'a declared length in one write',
      GET,
      (r: ServerResponse) => {
        r.setHeader('Content-Length', 5)
        r.write('hello')
        r.end()
      },
    ],
  ] as const)('replaces what was not sent: %s', async (_name, request, handler) => {
    const at = await held((_request, response) => void handler(response))
    const client = new RawClient(at.port, request)
    ;(await at.settling()).fail(why)
    const text = await client.all()
    const [head = '', body] = text.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n/)
    expect(head).toMatch(/\r\nX-Why: disk full(\r\n|$)/)
    expect(head).toMatch(/\r\nContent-Length: 9(\r\n|$)/)
    expect(head).not.toMatch(/Set-Cookie|ETag|Trailer|chunked/i)
    expect(body).toBe(request === HEAD ? '' : 'not known')
  })

  it('keeps the connection where no head was rendered, and the headers that suit any answer', async () => {
    const at = await held((_request, response) => void response.setHeader('X-Request-Id', '7').end('hello'))
    const client = new RawClient(at.port, KEPT_ALIVE)
    ;(await at.settling()).fail(why)
    await client.until((text) => text.endsWith('not known'))
    expect(client.text).toContain('X-Request-Id: 7\r\n')
    client.write(GET)
    ;(await at.settling(2)).done()
    expect(await client.all()).toMatch(/hello$/)
  })

  it('says that the connection closes where the first head had settled that', async () => {
    const at = await held((_request, response) => void response.writeHead(200, { Connection: 'close' }).end('hello'))
    const client = new RawClient(at.port, KEPT_ALIVE)
    ;(await at.settling()).fail(why)
    expect(await client.all()).toMatch(/^HTTP\/1.1 503 [\s\S]*\r\nConnection: close\r\n/)
  })

  it('cuts the connection where part of the body was sent', async () => {
    const at = await held((_request, response) => {
      response.write('part')
      response.end('rest')
    })
    const client = new RawClient(at.port, KEPT_ALIVE)
    ;(await at.settling()).fail(why)
    expect(await client.all()).toMatch(/\r\n\r\n4\r\npart\r\n$/)
  })

  it('cuts the connection where a compressor outside holds part of the body', async () => {
    const compress = compression({ threshold: 0 })
    const at = await held(
      (_request, response) => {
        response.setHeader('Content-Type', 'text/plain')
        response.write('part')
        response.end('rest')
      },
      (request, response) => compress(request as express.Request, response as express.Response, () => {}),
    )
    const client = new RawClient(at.port, KEPT_ALIVE.replace('Host', 'Accept-Encoding: gzip\r\nHost'))
    ;(await at.settling()).fail(why)
    expect(await client.all()).not.toContain('503')
  })

  it('cuts the connection at once although a later answer of it is held', async () => {
    const at = await held((request, response) => {
      if (request.url === '/1') response.write('part')
      response.end('rest')
    })
    const client = new RawClient(at.port, KEPT_ALIVE.replace('/', '/1') + GET.replace('/', '/2'))
    await at.settling(2)
    at.settled[0]?.fail(why)
    expect(await client.all()).toMatch(/part\r\n$/)
    at.settled[1]?.done()
  })

  it('thrown instead, or with a replacement that throws: the client is told nothing wrong', async () => {
    const { port, stop } = await serve((request, response) => {
      holdResponse(request, response, {
        settle() {
          throw why
        },
        replace() {
          throw new Error('no')
        },
      })
      response.end('hello')
    })
    stops.push(stop)
    expect(await roundTrip(port, GET)).toBe('')
  })

  it('goes by the answer of replace where Node refuses to send the released response', async () => {
    const at = await held((_request, response) => {
      response.setHeader('Trailer', 'X-Sum')
      response.setHeader('Content-Length', 5)
      response.end('hello')
    })
    const client = new RawClient(at.port, GET)
    ;(await at.settling()).done()
    expect(await client.all()).toMatch(/^HTTP\/1.1 503/)
  })
})

describe('an upload that is given up', () => {
  it('is answered, held until it is settled', async () => {
    const at = await held((request, response) => {
      response.statusCode = 413
      response.setHeader('Connection', 'close')
      giveUp(request).then(() => response.end('too large'))
    })
    const client = new RawClient(at.port, UPLOAD)
    const settling = await at.settling()
    expect(settling).toMatchObject({ status: 413, aborted: false })
    expect(client.text).toBe('')
    settling.done()
    expect(await client.all()).toMatch(/^HTTP\/1\.1 413 .*too large$/s)
  })

  it('is answered before the app closes its connection', async () => {
    const at = await held((request, response) => {
      const { socket } = request
      giveUp(request).then(() => {
        response.end('too large')
        socket.destroy()
      })
    })
    const client = new RawClient(at.port, UPLOAD)
    ;(await at.settling()).done()
    expect(await client.all()).toMatch(/too large$/)
  })

  it('has its answer replaced, or its connection cut, where it can not be settled', async () => {
    const at = await held((request, response) => {
      if (request.url === '/begun') response.write('one')
      giveUp(request).then(() => response.end('too large'))
    })
    for (const path of ['/', '/begun']) {
      const client = new RawClient(at.port, UPLOAD.replace('/', path))
      ;(await at.settling(at.settled.length + 1)).fail(new Error('x'))
      await client.until((text) => text.includes(path === '/' ? 'not known' : 'one'))
      if (path === '/begun') expect(await client.all()).not.toContain('too large')
      else client.leave()
    }
  })
})

/** Reads the beginning of a body and no more; Node then takes the connection off the request. */
async function giveUp(request: IncomingMessage): Promise<void> {
  for await (const _chunk of request) break
  expect(request.socket).toBe(null)
}

describe('a client that leaves', () => {
  it('before anything was answered: settled once, aborted', async () => {
    const at = await held(() => {})
    const client = new RawClient(at.port, GET)
    while (at.responses.length === 0) await turns(1)
    client.leave()
    const settling = await at.settling()
    expect(settling).toMatchObject({ status: 200, aborted: true })
    expect(settling).not.toHaveProperty('left')
    at.responses[0]?.end('too late')
    await turns(3)
    expect(at.settled).toHaveLength(1)
  })

  it('in the middle of a stream: settled once, aborted, and the source is not read on', async () => {
    let read = 0
    const endless = Readable.from(
      (function* () {
        for (;;) {
          read++
          yield Buffer.alloc(10_000)
        }
      })(),
    )
    const at = await held((_request, response) => void endless.pipe(response))
    const client = new RawClient(at.port, GET)
    await client.until((text) => text.length > 50_000)
    client.leave()
    expect(await at.settling()).toMatchObject({ aborted: true, left: true })
    await turns(5)
    const stood = read
    await turns(5)
    expect(read).toBe(stood)
    expect(at.settled).toHaveLength(1)
  })

  it('in the middle of a stream, by a reset', async () => {
    const at = await held((_request, response) => void response.write('one'))
    const client = new RawClient(at.port, GET)
    await client.until((text) => text.includes('one'))
    client.reset()
    expect(await at.settling()).toMatchObject({ aborted: true, left: true })
  })

  it('in the middle of a stream, by what is no request', async () => {
    const at = await held((_request, response) => void response.write('one'))
    const client = new RawClient(at.port, KEPT_ALIVE)
    await client.until((text) => text.includes('one'))
    client.write('?\r\n\r\n')
    expect(await at.settling()).toMatchObject({ aborted: true, left: true })
    await client.all()
  })

  it('while its answer waits for that of a request before it', async () => {
    const at = await held((request, response) => {
      response.write('one')
      if (request.url === '/second') at.responses[0]?.write('two')
    })
    const client = new RawClient(at.port, KEPT_ALIVE + KEPT_ALIVE.replace('/', '/second'))
    await client.until((text) => text.includes('two'))
    client.leave()
    await at.settling()
    await turns(5)
    expect(at.settled.filter((settling) => 'left' in settling)).toHaveLength(1)
  })

  it.each<readonly [string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['destroys it', (_request, response) => response.destroy()],
    ['destroys its connection', (request) => request.socket.destroy()],
    ['destroys its connection for a reason', (request) => request.socket.destroy(new Error('too slow'))],
    ['destroys its connection with what is no error', (request) => request.socket.destroy('too slow' as never)],
    [
      'or Node gives no more time',
      (request) => request.socket.destroy(Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })),
    ],
    [
      'hands on what it failed with itself',
      (_request, response) => response.destroy(Object.assign(new Error('upstream'), { code: 'ECONNRESET' })),
    ],
  ])('is not the app that %s in the middle of a stream', async (_how, fail) => {
    const at = await held((request, response) => void response.write('one', () => fail(request, response)))
    const client = new RawClient(at.port, GET)
    const settling = await at.settling()
    expect(settling).toMatchObject({ aborted: true })
    expect(settling).not.toHaveProperty('left')
    await client.all()
  })

  it('is not the app that destroys the request in the middle of both', async () => {
    const at = await held((request, response) => {
      request.on('error', () => {})
      response.write('one', () => request.destroy(Object.assign(new Error('upstream'), { code: 'ECONNRESET' })))
    })
    const client = new RawClient(at.port, UPLOAD)
    const settling = await at.settling()
    expect(settling).toMatchObject({ aborted: true })
    expect(settling).not.toHaveProperty('left')
    await client.all()
  })

  it('in the middle of the answer to an upload that was given up', async () => {
    const at = await held((request, response) => {
      response.write('one')
      giveUp(request)
    })
    const client = new RawClient(at.port, UPLOAD)
    while (at.responses[0]?.req.destroyed !== true) await turns(1)
    await client.until((text) => text.includes('one'))
    client.leave()
    expect(await at.settling()).toMatchObject({ aborted: true, left: true })
  })

  it('while its answer is held: settled once, not aborted', async () => {
    const at = await held((_request, response) => void response.end('hello'))
    const client = new RawClient(at.port, GET)
    const settling = await at.settling()
    client.leave()
    while (!at.responses[0]?.closed) await turns(1)
    settling.done()
    await turns(5)
    expect(at.settled).toMatchObject([{ status: 200, aborted: false }])
  })

  it('while its answer is held, and then the settle fails', async () => {
    const at = await held((_request, response) => void response.end('hello'))
    const client = new RawClient(at.port, GET)
    const settling = await at.settling()
    client.leave()
    while (!at.responses[0]?.closed) await turns(1)
    settling.fail(new Error('disk full'))
    await turns(5)
    expect(at.settled).toHaveLength(1)
  })

  it('before the response is held', async () => {
    let outcome: unknown
    let arrived = (): void => {}
    const seen = new Promise<void>((resolve) => (arrived = resolve))
    const { port, stop } = await serve((request, response) => {
      response.on('close', () => {
        holdResponse(request, response, {
          settle(settled) {
            outcome = settled
          },
          replace: () => ({ status: 503, headers: {}, body: '' }),
        })
      })
      arrived()
    })
    stops.push(stop)
    const client = new RawClient(port, GET)
    await seen
    client.leave()
    while (outcome === undefined) await turns(1)
    expect(outcome).toEqual({ status: 200, aborted: true })
  })

  it('half, having sent its request: as with bare Node, the rest is not sent and the connection ends', async () => {
    const at = await held((_request, response) => void response.end('hello'))
    const client = new RawClient(at.port, KEPT_ALIVE)
    const settling = await at.settling()
    client.finish()
    while (!at.responses[0]?.closed) await turns(1)
    settling.done()
    expect(await client.all()).toBe('')
    expect(at.settled).toHaveLength(1)
  })
})

describe('what it asks of its holder', () => {
  const problem = { status: 503, headers: {}, body: 'not known' }
  const never = (): Promise<void> => new Promise(() => {})
  const ways: readonly (readonly [string, () => Promise<void>, RegExp])[] = [
    ['has settled', () => Promise.resolve(), /^HTTP\/1.1 200 .*\r\n\r\nhello$/s],
    ['could not settle', () => Promise.reject(new Error('not durable')), /^HTTP\/1.1 503 .*\r\n\r\nnot known$/s],
    [
      'throws',
      () => {
        throw new Error('not durable')
      },
      /^HTTP\/1.1 503 .*\r\n\r\nnot known$/s,
    ],
  ]

  it.each(ways)('is told once when it %s, before anything leaves', async (_name, settle, answer) => {
    const told: boolean[] = []
    const { port, stop } = await serve((request, response) => {
      const settled = (): void => void told.push(response.writableFinished)
      holdResponse(request, response, { settle, settled, replace: () => problem })
      response.end('hello')
    })
    stops.push(stop)
    expect(await roundTrip(port, GET)).toMatch(answer)
    expect(told).toEqual([false])
  })

  it.each(ways)('is told once when it %s for a client that has gone', async (_name, settle) => {
    let tell = (): void => {}
    const told = new Promise<void>((resolve) => (tell = resolve))
    let times = 0
    const { port, stop } = await serve((request, response) => {
      const settled = (): void => {
        times += 1
        tell()
      }
      holdResponse(request, response, { settle, settled, replace: () => problem })
      response.destroy()
    })
    stops.push(stop)
    new RawClient(port, GET)
    await told
    await turns(3)
    expect(times).toBe(1)
  })

  it('is told nothing while it has not settled', async () => {
    const told: string[] = []
    const { port, stop } = await serve((request, response) => {
      holdResponse(request, response, { settle: never, settled: () => told.push('settled'), replace: () => problem })
      response.end('hello')
    })
    stops.push(stop)
    new RawClient(port, GET)
    await quiet()
    expect(told).toEqual([])
  })
})

describe('while it is held', () => {
  it('ignores and reports what comes late', async () => {
    const errors: unknown[] = []
    const at = await held((_request, response) => {
      response.end('hello')
      expect(response.write('more', (error) => errors.push(error))).toBe(false)
      response.end('again', () => {})
      response.flushHeaders()
      expect(() => response.writeHead(500)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
    })
    const client = new RawClient(at.port, GET)
    ;(await at.settling()).done()
    expect(await client.all()).toMatch(/\r\n\r\nhello$/)
    expect(at.late).toEqual(['write', 'end', 'head', 'head'])
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_STREAM_WRITE_AFTER_END' })])
    at.responses[0]?.write('after it was sent')
    expect(at.late).toHaveLength(5)
  })

  it('sends the answer before a connection that the app destroys', async () => {
    const at = await held((request, response) => {
      response.end('hello')
      request.socket.destroy()
    })
    const client = new RawClient(at.port, KEPT_ALIVE)
    const settling = await at.settling()
    await quiet()
    expect(client.text).toBe('')
    settling.done()
    expect(await client.all()).toMatch(/hello$/)
  })

  it('does not keep a connection open that is destroyed twice, or with an error', async () => {
    for (const errors of [[undefined, undefined], [new Error('reset')]]) {
      const at = await held((request, response) => {
        response.end('hello')
        request.socket.on('error', () => {})
        for (const error of errors) request.socket.destroy(error)
      })
      const client = new RawClient(at.port, KEPT_ALIVE)
      expect(await client.all()).toBe('')
      expect(at.settled).toHaveLength(1)
      at.settled[0]?.done()
    }
  })

  it('survives a server that closes: the held answer is sent, then the connection ends', async () => {
    const at = await held((_request, response) => void response.end('hello'))
    const client = new RawClient(at.port, KEPT_ALIVE)
    const settling = await at.settling()
    const closed = new Promise<void>((resolve) => at.server.close(() => resolve()))
    await turns(3)
    settling.done()
    expect(await client.all()).toMatch(/hello$/)
    await closed
  })

  it('pipelined answers go out in order, whichever is settled first', async () => {
    const at = await held((request, response) => void response.end(request.url))
    const client = new RawClient(at.port, KEPT_ALIVE.replace('/', '/1') + GET.replace('/', '/2'))
    ;(await at.settling(2)).done()
    await quiet()
    expect(client.text).toBe('')
    at.settled[0]?.done()
    expect(await client.all()).toMatch(/\/1HTTP\/1.1 200 OK[\s\S]*\/2$/)
  })

  it('leaves a response alone that ended before', async () => {
    const outcomes: unknown[] = []
    const { port, stop } = await serve((request, response) => {
      response.end('hello')
      holdResponse(request, response, {
        async settle(outcome) {
          outcomes.push(outcome)
        },
        replace: () => ({ status: 503, headers: {}, body: '' }),
      })
      response.end()
    })
    stops.push(stop)
    expect(await roundTrip(port, GET)).toMatch(/hello$/)
    while (outcomes.length === 0) await turns(1)
    expect(outcomes).toEqual([{ status: 200, aborted: false }])
  })

  it('can be held once only', async () => {
    const at = await held((request, response) => {
      const hooks = { settle: () => undefined, replace: () => ({ status: 503, headers: {}, body: '' }) }
      expect(() => holdResponse(request, response, hooks)).toThrow('held already')
      response.end()
    })
    const client = new RawClient(at.port, GET)
    ;(await at.settling()).done()
    await client.all()
  })
})

function withoutDate(text: string): string {
  return text.replace(/^Date: .*\r\n/gm, '')
}

/** The decompressed body of a chunked answer. */
function unzipped(text: string): string {
  let rest = text.slice(text.indexOf('\r\n\r\n') + 4)
  let body = ''
  for (;;) {
    const line = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.slice(0, line), 16)
    if (size === 0) return gunzipSync(Buffer.from(body, 'latin1')).toString()
    body += rest.slice(line + 2, line + 2 + size)
    rest = rest.slice(line + 4 + size)
  }
}
