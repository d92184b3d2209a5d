import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import bodyParser from '@koa/bodyparser'
import type { ThroughlineHost } from '@throughline/core'
import { perMinute } from '@throughline/core'
import type { memoryStorage } from '@throughline/core/storage'
import { createTestThroughline } from '@throughline/core/testing'
import * as onExpress from '@throughline/express'
import * as onKoa from '@throughline/koa'
import express from 'express'
import Koa from 'koa'

// The older majors have no types of their own here.
const load = createRequire(import.meta.url)
const express4: typeof express = load('express4')
const Koa2: typeof Koa = load('koa2')

/** `ada@acme`; an empty name is nobody. */
function userOf(header: string | string[] | undefined): { readonly id?: string; readonly orgId?: string } {
  const [id, orgId] = String(header ?? '').split('@')
  return { ...(id && { id }), ...(orgId && { orgId }) }
}

export interface OfrepAppOptions extends onExpress.OfrepOptions {
  /** Whether the app's own parser reads bodies. */
  readonly parse?: boolean
}

export type AppOf = (throughline: ThroughlineHost, options?: OfrepAppOptions) => RequestListener

function expressApp(framework: typeof express): AppOf {
  return (throughline, { parse, ...options } = {}) => {
    const app = framework()
    app.set('env', 'test')
    if (parse) app.use(framework.json())
    app.use(
      onExpress.tenantContext(throughline, {
        tenant: ({ headers }) => userOf(headers['x-user']).orgId,
        actor({ headers }) {
          const { id } = userOf(headers['x-user'])
          return id === undefined ? undefined : { id }
        },
        anonymous: 'allow',
      }),
    )
    app.use(onExpress.ofrep(throughline, options))
    app.get('/ofrep/v1/own', (_request, response) => void response.json('own'))
    app.use(onExpress.problemDetails())
    return app
  }
}

function koaApp(Framework: typeof Koa): AppOf {
  return (throughline, { parse, ...options } = {}) => {
    const app = new Framework()
    app.silent = true
    app.use(onKoa.problemDetails())
    if (parse) app.use(bodyParser())
    app.use(
      onKoa.tenantContext(throughline, {
        tenant: ({ headers }) => userOf(headers['x-user']).orgId,
        actor({ headers }) {
          const { id } = userOf(headers['x-user'])
          return id === undefined ? undefined : { id }
        },
        anonymous: 'allow',
      }),
    )
    app.use(onKoa.ofrep(throughline, options))
    app.use((context) => {
      if (context.path === '/ofrep/v1/own') context.body = '"own"'
    })
    return app.callback()
  }
}

export const ADAPTERS: readonly (readonly [name: string, app: AppOf])[] = [
  ['Express', expressApp(express)],
  ['Koa', koaApp(Koa)],
]

export const OLDER_ADAPTERS: typeof ADAPTERS = [
  ['Express 4', expressApp(express4)],
  ['Koa 2', koaApp(Koa2)],
]

/** What serves flags in these tests; `acme` is on the plan `enterprise`. */
export function flagsOf(options: { readonly storage?: ReturnType<typeof memoryStorage> } = {}) {
  return createTestThroughline({
    ...options,
    logger: { warn() {} },
    tenants: 'ours',
    plans: { free: {}, enterprise: {} },
    limits: { ofrep: perMinute(2) },
    flags: {
      reports: {
        rules: [{ id: 'paying', if: { 'org.plan': 'enterprise' }, serve: true }],
        default: false,
        metadata: { owner: 'billing', tier: 2 },
      },
      preview: { rules: [{ if: { 'context.preview': true }, serve: true }], default: false },
      theme: { variants: { grey: { color: '#888' }, blue: { color: '#00f' } }, default: 'grey' },
      menu: { variants: { old: 'old', new: 'new' }, default: 'old' },
      ratio: { variants: { low: 0.25 }, default: 'low' },
      cities: { variants: { all: ['Paris', 'Rome'] }, default: 'all' },
      drawn: { rules: [{ rollout: { percent: 50, by: 'actor' }, serve: true }], default: false },
    },
  })
}

/** A client of a change stream. */
export class EventStream {
  readonly status: number
  readonly headers: Headers
  /** Resolves once the server has ended it. */
  readonly ended: Promise<boolean>
  text = ''
  readonly #abort: AbortController

  private constructor(answer: Response, abort: AbortController) {
    this.status = answer.status
    this.headers = answer.headers
    this.#abort = abort
    this.ended = this.#read(answer).then(
      () => true,
      () => false,
    )
  }

  static async open(url: string, headers: Readonly<Record<string, string>>): Promise<EventStream> {
    const abort = new AbortController()
    return new EventStream(await fetch(url, { headers, signal: abort.signal }), abort)
  }

  /** What the events said. */
  get events(): readonly { readonly id: string; readonly data: { readonly type: string; readonly etag: string } }[] {
    return [...this.text.matchAll(/^id: (.*)\nevent: message\ndata: (.*)\n\n/gm)].map(([, id = '', data = '']) => ({
      id,
      data: JSON.parse(data),
    }))
  }

  leave(): void {
    this.#abort.abort()
  }

  async #read({ body }: Response): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of body ?? []) this.text += decoder.decode(chunk, { stream: true })
  }
}

/** A server on loopback, and how to be rid of it. */
export async function listen(app: RequestListener) {
  const open = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    open.add(response.once('close', () => open.delete(response)))
    app(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    /** Responses that are not closed. */
    open,
    /** Takes no more requests; resolves once no connection is left, also of those that clients keep for other requests. */
    close() {
      server.keepAliveTimeout = 0
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
