import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { UnderlyingSource } from 'node:stream/web'
import Router from '@koa/router'
import { fromPath, logContext, requireRole, ThroughlineError } from '@throughline/core'
import { createTestThroughline } from '@throughline/core/testing'
import Koa from 'koa'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { until } from '../../../test/until.ts'
import { serve } from '../../core/test/http/raw-client.ts'
import { enter, guard, problemDetails, requestAudit, tenantContext } from '../src/index.ts'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function open(mount: (app: Koa, throughline: ReturnType<typeof createTestThroughline>) => void) {
  const throughline = createTestThroughline({ tenants: { load: (id: string) => ({ id }) } })
  const app = new Koa()
  const errors: unknown[] = []
  app.on('error', (error) => errors.push(error))
  mount(app, throughline)
  const { port, stop } = await serve(app.callback())
  ends.push(async () => {
    await stop()
    await throughline.close()
  })
  const trail = () =>
    throughline.run({ tenant: 'acme', actor: { id: 'test' } }, async () => {
      const { events } = await throughline.audit.list({ last: '1d' })
      return events.filter(({ actor }) => actor.id !== 'test')
    })
  return { url: `http://127.0.0.1:${port}`, errors, trail }
}

const options = { tenant: () => 'acme', actor: () => ({ id: 'ada' }) }

it('records a streamed body that fails, on the trail of its tenant', async () => {
  const { url, trail, errors } = await open((app, throughline) => {
    app.use(tenantContext(throughline, options))
    app.use((context) => {
      context.body = new Readable({
        read() {
          this.destroy(new RangeError('no more'))
        },
      })
    })
  })
  // Koa cuts the connection, as it does without us.
  await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow()
  await until(async () => (await trail()).length >= 2, { what: 'the record' })
  expect(await trail()).toContainEqual(
    expect.objectContaining({ action: 'error', metadata: expect.objectContaining({ name: 'RangeError' }) }),
  )
  expect(errors).not.toEqual([])
})

it('reads a streamed body in the context of its tenant', async () => {
  const { url } = await open((app, throughline) => {
    app.use(requestAudit(throughline))
    app.use(tenantContext(throughline, options))
    app.use((context) => {
      context.body = Readable.from(parts())
    })
  })
  async function* parts(): AsyncGenerator<string> {
    for (const part of ['a', 'b']) yield `${part} of ${logContext().tenant}; `
  }
  expect(await (await fetch(url)).text()).toBe('a of acme; b of acme; ')
})

it('reads a streamed body in the context of the tenant that was entered for it', async () => {
  const { url } = await open((app, throughline) => {
    app.use(requestAudit(throughline))
    app.use((context) =>
      enter(throughline, context, { tenant: 'acme', actor: { id: 'billing' } }, () => {
        context.body = Readable.from(parts())
      }),
    )
  })
  async function* parts(): AsyncGenerator<string> {
    yield `of ${logContext().tenant}`
  }
  expect(await (await fetch(url)).text()).toBe('of acme')
})

describe('a web stream', () => {
  const bodies: Readonly<Record<string, (source: UnderlyingSource) => unknown>> = {
    ReadableStream: (source) => new ReadableStream(source),
    Response: (source) => new Response(new ReadableStream(source), { status: 200 }),
  }

  it.each(Object.keys(bodies))('%s: is read in the context of its tenant, and given up in it', async (kind) => {
    const seen: unknown[] = []
    const { url } = await open((app, throughline) => {
      app.use(requestAudit(throughline))
      app.use(tenantContext(throughline, options))
      app.use((context) => {
        context.body = bodies[kind]?.({
          pull(controller) {
            controller.enqueue(Buffer.from(`of ${logContext().tenant}; `))
          },
          cancel() {
            seen.push(logContext().tenant)
          },
        })
      })
    })
    const client = new AbortController()
    const answer = await fetch(url, { signal: client.signal })
    let text = ''
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      if (text.length > 100) break
    }
    client.abort()
    await until(() => seen.length > 0, { what: 'the end of the stream' })
    expect(new Set(text.split('; ').slice(0, -1))).toEqual(new Set(['of acme']))
    expect(seen).toEqual(['acme'])
  })

  it.each(Object.keys(bodies))('%s: is on the record when it fails, once, with whatever', async (kind) => {
    const { url, trail } = await open((app, throughline) => {
      app.use(requestAudit(throughline))
      app.use(tenantContext(throughline, options))
      app.use((context) => {
        context.body = bodies[kind]?.({
          pull() {
            throw 'no more'
          },
        })
      })
    })
    await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow()
    await until(async () => (await trail()).length >= 2, { what: 'the record' })
    const errors = (await trail()).filter(({ action }) => action === 'error')
    expect(errors.map(({ metadata }) => metadata)).toEqual([{ name: 'string' }])
  })
})

it('fails, and goes on, where a body can not be watched', async () => {
  const { url, trail } = await open((app, throughline) => {
    app.use(requestAudit(throughline))
    app.use(tenantContext(throughline, options))
    app.use((context) => {
      context.body = Object.freeze(new ReadableStream())
    })
  })
  expect((await fetch(url)).status).toBe(500)
  const errors = (await trail()).filter(({ action }) => action === 'error')
  expect(errors.map(({ metadata }) => metadata)).toEqual([{ name: 'TypeError' }])
})

it('takes a client that hangs up for no error of the app', async () => {
  const { url, trail } = await open((app, throughline) => {
    app.use(tenantContext(throughline, options))
    app.use((context) => {
      context.body = new Readable({ read: () => undefined })
      ;(context.body as Readable).push('first')
    })
  })
  const client = new AbortController()
  const answer = await fetch(url, { signal: client.signal })
  await answer.body?.getReader().read()
  client.abort()
  await until(async () => (await trail()).some(({ action }) => action === 'request.handled'))
  expect((await trail()).map(({ action, outcome }) => [action, outcome])).toEqual([['request.handled', 'failure']])
})

it('serves a request whose body was given up, before it or after', async () => {
  const { url, trail } = await open((app, throughline) => {
    const here = tenantContext(throughline, options)
    const peek = async (context: Koa.Context, next: Koa.Next): Promise<void> => {
      for await (const _chunk of context.req) break
      await next()
    }
    app.use((context, next) => (context.path === '/before' ? peek(context, next) : next()))
    app.use(here)
    app.use((context, next) => (context.path === '/after' ? peek(context, next) : next()))
    app.use((context) => {
      context.status = 413
    })
  })
  for (const path of ['/before', '/after'])
    expect((await fetch(`${url}${path}`, { method: 'POST', body: 'a body' })).status).toBe(413)
  expect((await trail()).map(({ context }) => context.request?.['status'])).toEqual([413, 413])
})

it('answers a refusal with nothing of the answer that the handler had begun to prepare', async () => {
  const { url } = await open((app, throughline) => {
    app.use(problemDetails())
    app.use(tenantContext(throughline, options))
    app.use((context) => {
      context.attachment('reports.csv')
      context.set({ Trailer: 'X-Sum', 'Accept-Ranges': 'bytes', 'Content-Length': '1', 'X-Kept': 'yes' })
      throw new ThroughlineError('FLAG_OFF')
    })
  })
  const answer = await fetch(url)
  expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'FLAG_OFF' }])
  const { headers } = answer
  expect(['content-disposition', 'trailer', 'accept-ranges'].map((name) => headers.get(name))).toEqual([
    null,
    null,
    null,
  ])
  expect([headers.get('x-kept'), headers.get('content-type')]).toEqual(['yes', 'application/problem+json'])
})

it('refuses what comes over HTTP/2, and says what to do', async () => {
  const throughline = createTestThroughline()
  const app = new Koa()
  const errors: Error[] = []
  app.on('error', (error) => errors.push(error))
  app.use(problemDetails()).use(tenantContext(throughline, options))
  const server = createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  ends.push(async () => {
    client.destroy()
    server.close()
    await throughline.close()
  })
  const [headers] = await once(client.request({ ':path': '/' }), 'response')
  expect(headers[':status']).toBe(500)
  expect(errors.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^OPTIONS_INVALID: .* HTTP\/2, .*`node:http`.*proxy/),
  ])
})

it('answers for a handler that meant to answer by itself, and failed', async () => {
  const { url } = await open((app, throughline) => {
    app.use(problemDetails())
    app.use(tenantContext(throughline, options))
    app.use((context) => {
      context.respond = false
      throw new ThroughlineError('FLAG_OFF')
    })
  })
  expect((await fetch(url)).status).toBe(404)
})

it("records an error once, whatever it passes, and leaves it to Koa's own answer", async () => {
  const { url, trail, errors } = await open((app, throughline) => {
    app.use(problemDetails())
    app.use(requestAudit(throughline))
    app.use(problemDetails())
    app.use(tenantContext(throughline, options))
    app.use(() => {
      throw new RangeError('out of it')
    })
  })
  const answer = await fetch(url)
  expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error'])
  expect((await trail()).filter(({ action }) => action === 'error')).toHaveLength(1)
  expect(errors).toHaveLength(1)
})

it('tells the app of our errors from 500 on, and of no refusal', async () => {
  const { url, errors } = await open((app) => {
    app.use(problemDetails())
    app.use(guard({ name: 'outside', check: () => undefined }))
  })
  const answer = await fetch(url)
  expect(answer.status).toBe(500)
  expect(await answer.json()).toMatchObject({ code: 'TENANT_REQUIRED' })
  expect(errors).toMatchObject([{ code: 'TENANT_REQUIRED' }])

  const refusing = await open((app, throughline) => {
    app.use(problemDetails())
    app.use(tenantContext(throughline, { tenant: () => 'acme' }))
  })
  expect((await fetch(refusing.url)).status).toBe(401)
  expect(refusing.errors).toEqual([])
})

it('reads the path that was asked for, where the app is mounted in another one', async () => {
  const { url, trail } = await open((app, throughline) => {
    // As koa-mount does it.
    app.use((context, next) => {
      context.path = context.path.replace('/api', '')
      return next()
    })
    app.use(tenantContext(throughline, { ...options, tenant: [fromPath('/api/:tenant'), () => 'acme'] }))
    app.use((context) => {
      context.body = context.path
    })
  })
  expect(await (await fetch(`${url}/api/acme/x`)).text()).toBe('/acme/x')
  expect((await trail())[0]?.context.request).toMatchObject({ path: '/api/acme/x' })
})

it('records the whole route of an app that is mounted in another one', async () => {
  const { url, trail } = await open((app, throughline) => {
    app.use(problemDetails())
    app.use(tenantContext(throughline, options))
    for (const prefix of ['/reports', '/projects']) {
      const router = new Router()
      router.get(['/', '/:id'], guard(requireRole('owner')))
      const routed = router.routes()
      // As koa-mount does it.
      app.use(async (context, next) => {
        const { path } = context
        if (!path.startsWith(prefix)) return next()
        context.path = path.slice(prefix.length) || '/'
        try {
          await routed(context as never, next)
        } finally {
          context.path = path
        }
      })
    }
  })
  for (const path of ['/reports/7?a=/7', '/projects/7', '/reports'])
    expect((await fetch(`${url}${path}`)).status).toBe(403)
  const handled = (await trail()).filter(({ action }) => action === 'request.handled')
  const routes = handled.map(({ context, count }) => `${count} ${context.request?.['route']}`)
  expect(routes.toReversed()).toEqual(['1 /reports/:id', '1 /projects/:id', '1 /reports/'])
})

it('records the route whose own middleware it is', async () => {
  const { url, trail } = await open((app, throughline) => {
    const router = new Router({ prefix: '/reports' })
    router.get('/:id', tenantContext(throughline, options), (context) => {
      context.body = (context as unknown as Koa.Context)['_matchedRoute']
    })
    app.use(router.routes())
  })
  expect(await (await fetch(`${url}/reports/7`)).text()).toBe('/reports/:id')
  expect((await trail())[0]?.context.request).toMatchObject({ route: '/reports/:id' })
})

it('records the route in an app whose contexts inherit from what is frozen', async () => {
  const { url, trail } = await open((app, throughline) => {
    const router = new Router().get('/reports/:id', (context) => {
      context.body = 'one'
    })
    app.use(tenantContext(throughline, options)).use(router.routes())
    Object.freeze(app.context)
  })
  expect(await (await fetch(`${url}/reports/7`)).text()).toBe('one')
  expect((await trail())[0]?.context.request).toMatchObject({ route: '/reports/:id' })
})

it('names its middleware, and says nothing of the context of those after it', () => {
  const throughline = createTestThroughline()
  ends.push(() => throughline.close())
  expect(tenantContext(throughline, options).name).toBe('tenantContext')
  expect(requestAudit(throughline).name).toBe('requestAudit')
  const app = new Koa<{ user: string }>()
  app
    .use(problemDetails())
    .use(requestAudit(throughline))
    .use(tenantContext(throughline, options))
    .use(guard({ name: 'any', check: () => undefined }))
    .use((context) => {
      expectTypeOf(context.state).toEqualTypeOf<{ user: string }>()
    })
})
