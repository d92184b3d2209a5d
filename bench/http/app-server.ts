import { mkdtempSync, rmSync, statSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RouterContext } from '@koa/router'
import Router from '@koa/router'
import { createThroughline, meter, perSecond, quotaPerMonth, rateLimit, requireFlag } from '@throughline/core'
import * as onExpress from '@throughline/express'
import * as onKoa from '@throughline/koa'
import { knexStorage } from '@throughline/storage-knex'
import express from 'express'
import type { Knex } from 'knex'
import knex from 'knex'
import Koa from 'koa'
import type { Framework, Variant } from './measured-process.ts'

/**
 * One process that is measured: a bare framework, or the same route behind the full stack. It answers questions over IPC.
 *
 * @param variant `bare`, `full`, `quota` (full, with a hard quota on the meter) or `postgres` (full, its records there)
 * @param framework `express` or `koa`
 */
const [variant, framework] = process.argv.slice(2) as [Variant, Framework]

const directory = mkdtempSync(join(tmpdir(), 'throughline-bench-'))
const filename = join(directory, 'records.db')
const schema = `throughline_bench_${process.pid}`
let statements = 0
const throughline = variant === 'bare' ? undefined : open()
const guards = [requireFlag('new-reports'), rateLimit('api'), meter('reports')] as const

const server = createServer(framework === 'koa' ? koaApp() : expressApp())
server.listen(0, '127.0.0.1', async () => {
  await throughline?.ready()
  process.send?.({ port: (server.address() as AddressInfo).port })
})

function expressApp(): RequestListener {
  const app = express()
  app.disable('etag')
  const answer = (request: express.Request, response: express.Response): void => {
    response.json(report(String(request.params['id'])))
  }
  if (throughline) {
    app.use(
      onExpress.tenantContext(throughline, {
        tenant: (request) => request.headers['x-org'] as string,
        actor: (request) => ({ id: request.headers['x-user'] as string }),
      }),
    )
    app.get('/reports/:id', onExpress.guard(...guards), answer)
  } else app.get('/reports/:id', answer)
  return app
}

function koaApp(): RequestListener {
  const app = new Koa()
  const router = new Router()
  const answer = (context: RouterContext): void => {
    context.body = report(String(context.params['id']))
  }
  if (throughline) {
    app.use(
      onKoa.tenantContext(throughline, {
        tenant: (context) => context.headers['x-org'] as string,
        actor: (context) => ({ id: context.headers['x-user'] as string }),
      }),
    )
    router.get('/reports/:id', onKoa.guard(...guards), answer)
  } else router.get('/reports/:id', answer)
  app.use(router.routes())
  return app.callback()
}

function database(): Knex {
  const { THROUGHLINE_BENCH_POSTGRES: url = 'postgres://root@127.0.0.1:5432/test' } = process.env
  return knex({ client: 'pg', connection: url })
}

function report(id: string): object {
  return { id, title: 'Quarterly report', rows: [1, 2, 3] }
}

function open() {
  const onStatement = (): void => {
    statements += 1
  }
  const storage =
    variant === 'postgres' ? knexStorage({ app: database(), schema, onStatement }) : knexStorage({ filename })
  const quota = { quotas: { reports: quotaPerMonth(1_000_000_000, { hard: true }) } }
  return createThroughline({
    storage,
    tenants: { load: (id) => ({ id, plan: 'pro', region: 'eu' }) },
    flags: { 'new-reports': { rules: [{ if: { 'org.plan': 'pro' }, serve: true }], default: false } },
    limits: { api: perSecond(1_000_000) },
    meters: { reports: { aggregate: 'count' } },
    plans: { pro: variant === 'quota' ? quota : {} },
  })
}

process.on('message', async (message: 'cpu' | 'backlog' | 'bytes' | 'statements' | 'stop') => {
  if (message === 'cpu') {
    const all = process.cpuUsage()
    const main = process.threadCpuUsage()
    process.send?.({ all: all.user + all.system, main: main.user + main.system })
  } else if (message === 'backlog') {
    const health = await throughline?.health()
    process.send?.({ rows: health?.journal.backlog?.rows ?? 0, ageMs: health?.journal.backlog?.ageMs ?? 0 })
  } else if (message === 'statements') {
    process.send?.({ statements })
  } else if (message === 'bytes') {
    process.send?.({ bytes: throughline ? sizeOf(filename) : 0 })
  } else {
    server.close()
    server.closeAllConnections()
    await throughline?.close()
    if (variant === 'postgres') {
      const left = database()
      await left.raw('DROP SCHEMA IF EXISTS ?? CASCADE', [schema])
      await left.destroy()
    }
    rmSync(directory, { recursive: true, force: true })
    process.exit(0)
  }
})

function sizeOf(file: string): number {
  return ['', '-wal'].reduce((sum, end) => sum + (statSync(`${file}${end}`, { throwIfNoEntry: false })?.size ?? 0), 0)
}
