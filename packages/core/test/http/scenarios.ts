import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import compression from 'compression'
import type { Express, RequestHandler, Response } from 'express'
import session from 'express-session'

/** What a handler saw, in order; a held response must show it the same as a bare one. */
export type Log = (entry: string) => void

export interface Scenario {
  readonly name: string
  /** Mounts middleware and one route; `hold` is the middleware under test, or one that does nothing. */
  mount(app: Express, hold: RequestHandler, log: Log): void
  /** Bytes that the client sends; the last request closes the connection. */
  readonly request: string
  /** How many responses that makes; 1 unless said. */
  readonly responses?: number
}

type Handler = (response: Response, log: Log) => unknown

const GET = get('/')
const HEAD = 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const FILE = fileURLToPath(new URL('fixture.txt', import.meta.url))
const LARGE = 'The quick brown fox jumps over the lazy dog. '.repeat(20_000)

function get(path: string, headers = 'Connection: close\r\n'): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`
}

function plain(name: string, handler: Handler, request = GET): Scenario {
  return {
    name,
    request,
    mount(app, hold, log) {
      app.use(hold)
      app.use((_request, response, next) => {
        Promise.resolve()
          .then(() => handler(response, log))
          .catch(next)
      })
    },
  }
}

/** As an app would write it: what it throws is thrown to Express. */
function thrown(name: string, handler: Handler, request = GET): Scenario {
  return {
    name,
    request,
    mount(app, hold, log) {
      app.use(hold)
      app.use((_request, response) => {
        handler(response, log)
      })
    },
  }
}

function wrapped(name: string, middleware: () => RequestHandler, handler: Handler, request: string): Scenario[] {
  return (['outside', 'inside'] as const).map((place) => ({
    name: `${name}, ${place}`,
    request,
    mount(app, hold, log) {
      if (place === 'outside') app.use(middleware())
      app.use(hold)
      if (place === 'inside') app.use(middleware())
      app.use((_request, response) => {
        handler(response, log)
      })
    },
  }))
}

function attempt(log: Log, what: string, action: () => unknown): void {
  try {
    action()
    log(`${what}: done`)
  } catch (error) {
    log(`${what}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function parts(count: number, size: number): Readable {
  return Readable.from(Array.from({ length: count }, (_, i) => Buffer.alloc(size, 97 + (i % 26))))
}

const sessions = (): RequestHandler => {
  const store = new session.MemoryStore()
  const set = store.set.bind(store)
  // Saves like a database does: later.
  store.set = (id, data, done) => setImmediate(() => set(id, data, done))
  return session({ store, secret: 'fixed', resave: false, saveUninitialized: true, genid: () => 'fixed' })
}

const gzip = 'Accept-Encoding: gzip\r\nConnection: close\r\n'

export const SCENARIOS: readonly Scenario[] = [
  plain('send', (r) => r.send('hello')),
  plain('json', (r) => r.status(201).json({ a: 1 })),
  plain('end with a chunk', (r) => r.end('hello')),
  plain('end with a buffer', (r) => r.end(Buffer.from('hello'))),
  plain('end with nothing', (r) => r.end()),
  plain('end with an empty chunk', (r) => r.end('')),
  plain('end with encodings', (r) => {
    r.write('68656c6c6f', 'hex')
    r.write('grüße', 'latin1')
    r.end('wörld', 'utf16le')
  }),
  plain('write and end', (r) => {
    r.write('a')
    r.write('b')
    r.end('c')
  }),
  plain('callbacks', (r, log) => {
    r.on('finish', () => log('finish listener'))
    r.write('a', () => log('write'))
    r.end('b', () => log('end'))
  }),
  plain('callback as the only parameter of end', (r, log) => r.end(() => log('end'))),
  plain('declared length, several writes', (r) => {
    r.setHeader('Content-Length', 6)
    r.write('ab')
    r.write('cd')
    r.write('ef')
    r.end()
  }),
  plain('declared length, completed by end', (r) => {
    r.setHeader('Content-Length', '6')
    r.write('abcd')
    r.end('ef', 'latin1')
  }),
  plain('declared length by writeHead, one write', (r) => {
    r.writeHead(200, { 'Content-Length': 5 })
    r.write('hello')
    r.end()
  }),
  plain('declared length, ended from the callback of the last write', (r, log) => {
    r.setHeader('Content-Length', 5)
    const buffer = Buffer.from('hello')
    r.write(buffer, () => {
      log('write')
      buffer.fill('x')
      r.end()
    })
  }),
  plain('declared length not reached', (r) => {
    r.setHeader('Content-Length', 10)
    r.write('abc')
    r.end('d')
  }),
  plain('declared length in bytes, not characters', (r) => {
    r.setHeader('Content-Length', 6)
    r.write('äö')
    r.write('ü')
    r.end()
  }),
  plain('declared length 0, head flushed', (r) => {
    r.setHeader('Content-Length', 0)
    r.flushHeaders()
    r.end()
  }),
  plain('head flushed, then written to', async (r) => {
    r.type('text/event-stream')
    r.flushHeaders()
    for (let i = 0; i < 3; i++) {
      r.write(`data: ${i}\n\n`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    r.end()
  }),
  plain('a stream that is piped', (r) => parts(40, 50_000).pipe(r)),
  plain('a stream that is piped under a declared length', (r) => {
    r.setHeader('Content-Length', 2_000_000)
    parts(40, 50_000).pipe(r)
  }),
  plain('a pipeline', async (r, log) => {
    await pipeline(parts(40, 50_000), r)
    log('pipeline done')
  }),
  plain('a pipeline under a declared length', async (r, log) => {
    r.setHeader('Content-Length', 2_000_000)
    await pipeline(parts(40, 50_000), r)
    log('pipeline done')
  }),
  plain('writes that wait for drain', async (r, log) => {
    for (let i = 0; i < 20; i++) {
      if (!r.write(Buffer.alloc(100_000, 'd'))) await new Promise((resolve) => r.once('drain', resolve))
    }
    log('written')
    r.end()
  }),
  plain('corked', (r) => {
    r.cork()
    r.write('a')
    r.write('b')
    r.uncork()
    r.cork()
    r.write('c')
    r.end('d')
  }),
  plain('HEAD and send', (r) => r.send('hello'), HEAD),
  plain(
    'HEAD and writes',
    (r) => {
      r.setHeader('Content-Length', 5)
      r.write('hello')
      r.end()
    },
    HEAD,
  ),
  plain(
    'HEAD and a flushed head',
    (r) => {
      r.flushHeaders()
      r.end()
    },
    HEAD,
  ),
  plain('204', (r) => r.status(204).end()),
  plain('204 by writeHead, with a body that is dropped', (r) => {
    r.writeHead(204)
    r.write('never')
    r.end('never')
  }),
  plain('304', (r) => r.set('ETag', '"x"').send('hello'), get('/', 'If-None-Match: "x"\r\nConnection: close\r\n')),
  plain('sendFile', (r) => r.sendFile(FILE)),
  plain('sendFile of a range', (r) => r.sendFile(FILE), get('/', 'Range: bytes=2-5\r\nConnection: close\r\n')),
  plain('sendFile of a missing file', (r) => r.sendFile(`${FILE}.missing`, () => r.status(410).end('gone'))),
  plain('redirect', (r) => r.redirect('/elsewhere')),
  plain('writeHead with an array', (r) => {
    r.writeHead(203, ['X-A', '1', 'X-A', '2'])
    r.end('x')
  }),
  plain('writeHead with a reason', (r) => {
    r.writeHead(299, 'Quite', { 'X-A': '1' })
    r.end('x')
  }),
  plain('statusMessage', (r) => {
    r.statusMessage = 'Quite'
    r.end('x')
  }),
  plain('trailers', (r) => {
    r.setHeader('Trailer', 'X-Sum')
    r.write('a')
    r.addTrailers({ 'X-Sum': '1' })
    r.end()
    r.addTrailers({ 'X-Sum': '2' })
  }),
  plain('Connection: close by the app', (r) => r.set('Connection', 'close').send('x'), get('/', '')),
  plain('HTTP/1.0', (r) => r.send('x'), 'GET / HTTP/1.0\r\n\r\n'),
  plain(
    'HTTP/1.0, body until the end of the connection',
    (r) => {
      r.write('a')
      r.end('b')
    },
    'GET / HTTP/1.0\r\n\r\n',
  ),
  plain(
    'Expect: 100-continue',
    (r) => {
      r.req.on('data', () => {})
      r.req.on('end', () => r.send('got it'))
    },
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody',
  ),
  plain(
    'a body that nobody reads',
    (r) => r.send('x'),
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody',
  ),
  plain('early hints', (r) => {
    r.writeEarlyHints({ link: '</a.css>; rel=preload' })
    r.end('x')
  }),
  plain('what the ended response looks like', (r, log) => {
    r.end('x')
    log(`${r.headersSent} ${r.writableEnded} ${r.finished} ${r.writableNeedDrain} ${r.destroyed} ${r.statusCode}`)
    attempt(log, 'setHeader', () => r.setHeader('X-Late', '1'))
    attempt(log, 'appendHeader', () => r.appendHeader('X-Late', '1'))
    attempt(log, 'removeHeader', () => r.removeHeader('Content-Length'))
    attempt(log, 'writeHead', () => r.writeHead(500))
    attempt(log, 'flushHeaders', () => r.flushHeaders())
    attempt(log, 'json', () => r.json({}))
    r.statusCode = 500
    r.statusMessage = 'Late'
  }),
  plain('ended twice', (r, log) => {
    r.end('x', () => log('first'))
    r.end(() => log('second'))
    r.end()
  }),
  plain('destroyed after its end', (r) => {
    r.end('whole answer')
    r.destroy()
  }),
  thrown('throws before anything', () => {
    throw Object.assign(new Error('no'), { status: 418 })
  }),
  thrown(
    'throws after its end',
    (r) => {
      r.send('whole answer')
      throw new Error('late')
    },
    get('/', ''),
  ),
  thrown('throws after the head of a stream', (r) => {
    r.write('part')
    throw new Error('late')
  }),
  thrown('ends with what is no chunk', (r) => {
    r.end(1 as unknown as string)
  }),
  thrown('ends with a status that is none', (r) => {
    r.statusCode = 42
    r.end('x')
  }),
  thrown('writes null', (r) => {
    r.write(null)
  }),
  {
    name: 'no route',
    request: GET,
    mount: (app, hold) => void app.use(hold),
  },
  {
    name: 'pipelined, the first the slowest',
    request: `${get('/?turns=9', '')}${get('/?turns=0', '')}${get('/?turns=3')}`,
    responses: 3,
    mount(app, hold, log) {
      app.use(hold)
      app.use(async (request, response) => {
        const left = Number(request.query.turns)
        for (let i = 0; i < left; i++) await new Promise((resolve) => setImmediate(resolve))
        log(`${left} has a socket: ${response.socket !== null}`)
        response.write(`after ${left},`)
        response.end(' done')
      })
    },
  },
  {
    name: 'pipelined, all at once',
    request: `${get('/1', '')}${get('/2', '')}${get('/3')}`,
    responses: 3,
    mount(app, hold) {
      app.use(hold)
      app.use((request, response) => void response.send(request.url))
    },
  },
  ...wrapped('compression of much', compression, (r) => r.type('text').send(LARGE), get('/', gzip)),
  ...wrapped('compression of little', compression, (r) => r.type('text').send('x'), get('/', gzip)),
  ...wrapped('compression of little, by end', compression, (r) => r.type('text').end('x'), get('/', gzip)),
  ...wrapped('compression of a stream', compression, (r) => parts(9, 9_000).pipe(r.type('text')), get('/', gzip)),
  ...wrapped('compression and HEAD', compression, (r) => r.type('text').send(LARGE), HEAD),
  ...wrapped('compression not wanted', compression, (r) => r.type('text').send(LARGE), GET),
  ...wrapped('session', sessions, (r) => r.send('hello'), GET),
  ...wrapped('session by end', sessions, (r) => r.end('hello'), GET),
  ...wrapped('session with no body', sessions, (r) => r.status(204).end(), GET),
  ...wrapped(
    'session and writes',
    sessions,
    (r) => {
      r.write('a')
      r.end('b')
    },
    GET,
  ),
  ...wrapped('session and a redirect', sessions, (r) => r.redirect('/x'), GET),
]
