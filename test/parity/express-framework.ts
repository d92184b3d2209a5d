import { createRequire } from 'node:module'
import { pipeline } from 'node:stream'
import { fromHeader, fromSubdomain } from '@throughline/core'
import { enter, guard, problemDetails, requestAudit, tenantContext } from '@throughline/express'
import compression from 'compression'
import type { NextFunction, Request, Response } from 'express'
import express5 from 'express'
import session from 'express-session'
import type { Answerer, AppParts, Framework, Route } from './framework.ts'
import { EXCLUDED, TENANTLESS, userOf } from './framework.ts'

const express4: typeof express5 = createRequire(import.meta.url)('express4')

export const expressFrameworks: readonly Framework[] = [
  { name: 'Express 4', app: (parts) => build(express4, parts) },
  { name: 'Express 5', app: (parts) => build(express5, parts) },
]

function build(express: typeof express5, { throughline, routes, middleware }: AppParts) {
  const app = express().set('env', 'test').disable('x-powered-by').disable('etag')
  if (throughline) app.use(requestAudit(throughline, { tenant: fromSubdomain('example.com'), exclude: EXCLUDED }))
  if (middleware === 'compress') app.use(compression({ threshold: 0 }))
  if (middleware === 'session')
    app.use(session({ secret: 'not a secret', resave: false, saveUninitialized: true, cookie: { maxAge: 60_000 } }))
  app.use((request, response, next) => {
    if (userOf(request.headers['x-user'])?.id === 'mallory') response.status(401).type('text').send('wrong password')
    else next()
  })
  app.use(express.json())
  for (const route of routes.filter(({ early }) => early)) mount(route)
  if (throughline) {
    app.use(
      tenantContext<Request>(throughline, {
        tenant: [
          fromSubdomain('example.com'),
          fromHeader('x-tenant-id'),
          (request) => userOf(request.headers['x-user'])?.org,
        ],
        actor: (request) => userOf(request.headers['x-user']),
        tenantless: TENANTLESS,
      }),
    )
  }
  for (const route of routes.filter(({ early }) => !early)) mount(route)
  app.use(problemDetails())
  return app

  function mount({ method, path, guards, handle }: Route): void {
    const guarded = guards && throughline ? [guard(...guards)] : []
    app[method](path, ...guarded, (request: Request, response: Response, next) => {
      Promise.resolve()
        .then(() => handle(answerer(request, response, next)))
        .catch(next)
    })
  }

  function answerer(request: Request, response: Response, next: NextFunction): Answerer {
    return {
      params: request.params as Record<string, string>,
      body: request.body,
      raw: () => response,
      send(status, type, body) {
        response.status(status).type(type)
        if (typeof body === 'string' || Buffer.isBuffer(body)) return response.send(body)
        return pipeline(body, response, (error) => error && next(error))
      },
      json: (status, body) => response.status(status).json(body),
      empty: (status, headers = {}) => response.status(status).set(headers).end(),
      enter: (input, fn) => enter(throughline as never, request, input, fn),
    }
  }
}
