import type { TenantContext } from '@throughline/core'
import {
  createThroughline,
  currentContext,
  defineCatalog,
  guarded,
  perMinute,
  quotaPerMonth,
  rateLimit,
} from '@throughline/core'
import { memoryStorage } from '@throughline/core/storage'
import { createTestThroughline } from '@throughline/core/testing'
import { guard, problemDetails, requestAudit, tenantContext } from '@throughline/express'
import { knexStorage, scopedKnex } from '@throughline/storage-knex'
import express from 'express'
import knex from 'knex'
import { z } from 'zod'

// Compiled where the packed packages are installed, under several settings; never run.

const catalog = defineCatalog({
  flags: {
    'new-reports': { rules: [{ if: { 'org.plan': 'enterprise' }, serve: true }], default: false },
    theme: { variants: { light: 0, dark: 1 }, default: 'light' },
  },
  limits: { api: perMinute(100, { burst: 200 }) },
  meters: { reports: { aggregate: 'count' } },
  plans: { free: { quotas: { reports: quotaPerMonth(10, { hard: true }) } } },
  config: z.object({ webhooks: z.object({ url: z.string() }).optional() }),
})

const database = knex({ client: 'better-sqlite3', connection: { filename: 'app.db' } })
const throughline = createThroughline({ catalog, storage: knexStorage({ app: database }) })
const db = scopedKnex(database, { tables: ['reports'] })

const app = express()
app.use(requestAudit(throughline))
app.use(tenantContext(throughline, { tenant: () => 'acme', actor: () => ({ id: 'ada' }) }))
app.get('/reports/:id', guard(rateLimit('api'), throughline.guards.requireFlag('new-reports')), async (req, res) => {
  const id: string = req.params.id
  res.json(await db('reports').where({ id }))
})
app.use(problemDetails())

export const on: boolean = throughline.flags.isEnabled('new-reports')
export const url: string | undefined = throughline.config.get('webhooks.url')
export const share = guarded(async (report: number) => report * 2, throughline.guards.meter('reports'))
export const context: TenantContext = currentContext()
export const tested = createTestThroughline({ catalog, storage: memoryStorage() })

// @ts-expect-error a flag with a typo
throughline.flags.isEnabled('new-report')
// @ts-expect-error a limit with a typo
throughline.limits.consume('apis')
// @ts-expect-error a meter with a typo
throughline.usage.record('report', 1)
// @ts-expect-error a setting with a typo
throughline.config.get('webhook.url')
// @ts-expect-error a guard's key with a typo
throughline.guards.rateLimit('apis')
// @ts-expect-error an engine whose option is absent is not there
createThroughline({ limits: { api: perMinute(1) } }).flags
// @ts-expect-error what it was given is what it takes
share('seven')
