import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  background,
  createThroughline,
  currentTenant,
  memoryLimits,
  memoryStorage,
  perMinute,
  quotaPerMonth,
  strict,
} from '@throughline/core'
import { guard, problemDetails, requestAudit, tenantContext } from '@throughline/express'
import type { RequestHandler } from 'express'
import express from 'express'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LoggedIn } from './app.ts'
import { login, trailOf } from './app.ts'
import { FaultyRecords } from './faulty-records.ts'
import type { Answer } from './http-client.ts'
import { Served } from './http-client.ts'
import { until } from './until.ts'

const START = 1_770_000_000_000
let now = START
let directory: string
let records: FaultyRecords
let throughline: ReturnType<typeof open>
let served: Served
/** Requests that reached a handler. */
let handled: number

const open = (maxBytes: number) =>
  createThroughline({
    limits: { api: perMinute(1_000_000) },
    meters: { reports: { aggregate: 'count' }, exports: { aggregate: 'count' } },
    plans: { free: { quotas: { exports: quotaPerMonth(1_000, { hard: true }) } } },
    tenants: { load: (id) => (id.startsWith('made-up') ? null : { id, plan: 'free' }) },
    storage: { records, limits: memoryLimits() },
    journal: { spill: { directory, maxBytes }, drainTimeout: 100 },
    clock: { now: () => now },
    logger: { warn: () => undefined },
  })

async function serve(maxBytes = 1 << 20): Promise<void> {
  throughline = open(maxBytes)
  const { meter, rateLimit } = throughline.guards
  const handler: RequestHandler = (_request, response) => {
    handled += 1
    response.json({ tenant: currentTenant().id })
  }
  const app = express()
  app.set('env', 'test')
  app.use(requestAudit(throughline), login())
  app.use(tenantContext<LoggedIn>(throughline, { tenant: (r) => r.user?.orgId, actor: (r) => r.user }))
  app.get('/report', guard(rateLimit('api'), meter('reports')), handler)
  app.get('/strict', guard(strict(), meter('reports')), handler)
  app.get('/background', guard(background(), meter('reports')), handler)
  app.get('/export', guard(meter('exports')), handler)
  app.get('/failing-export', guard(meter('exports')), (_request, response) => void response.status(400).end())
  app.use(problemDetails())
  served = await Served.open(app)
}

beforeEach(async () => {
  now = START
  handled = 0
  directory = await mkdtemp(join(tmpdir(), 'throughline-down-'))
  records = new FaultyRecords(memoryStorage().records)
})
afterEach(async () => {
  records.heal()
  await served.close()
  await throughline.close()
  await rm(directory, { recursive: true, force: true })
})

const get = (path: string, tenant = 'acme'): Promise<Answer> =>
  served.send(path, { headers: { 'x-user': `ada@${tenant}` } })
const code = ({ text }: Answer): string => JSON.parse(text).code
const healthy = (): Promise<void> => until(async () => (await throughline.health()).status === 'ok')
const usage = async (meter: 'reports' | 'exports', tenant = 'acme'): Promise<number> => {
  const by = { actor: { id: 'auditor' }, reason: 'count' }
  const report = await throughline.platform.run(by, (platform) => platform.usage.totals(tenant, { meter }))
  return report.totals[0]?.quantity ?? 0
}

describe('while appends fail', () => {
  it('requests go on, and what they did is on record once when the database is back', async () => {
    await serve()
    for (let i = 0; i < 5; i++) expect((await get('/report')).status).toBe(200)
    records.break('fail', 'append')
    for (let i = 0; i < 20; i++) expect((await get('/report')).status).toBe(200)
    expect(await throughline.health()).toMatchObject({ status: 'degraded' })
    records.break('storeThenFail', 'append')
    for (let i = 0; i < 20; i++) expect((await get('/report')).status).toBe(200)
    records.heal()
    for (let i = 0; i < 5; i++) expect((await get('/report')).status).toBe(200)
    await healthy()
    expect(await usage('reports')).toBe(50)
    const requests = (await trailOf(throughline, 'acme')).filter(({ action }) => action === 'request.handled')
    expect(requests).toHaveLength(50)
    expect((await trailOf(throughline)).filter(({ action }) => action.startsWith('journal.'))).toEqual([])
  })

  it('a strict route that was let in is told 503 OUTCOME_UNKNOWN, and its usage counts once', async () => {
    await serve()
    records.break('storeThenFail', 'append')
    const answer = await get('/strict')
    expect(answer.status).toBe(503)
    expect(code(answer)).toBe('OUTCOME_UNKNOWN')
    expect(handled).toBe(1)
    records.heal()
    await healthy()
    expect(await usage('reports')).toBe(1)
  })

  it('a strict route is then refused before its handler, until records reach the journal again', async () => {
    await serve()
    records.break('fail', 'append')
    await get('/report')
    const before = handled
    const answer = await get('/strict')
    expect(answer.status).toBe(503)
    expect(code(answer)).toBe('RECORDS_UNAVAILABLE')
    expect(handled).toBe(before)
    expect((await get('/report')).status).toBe(200)
    records.heal()
    await healthy()
    expect((await get('/strict')).status).toBe(200)
  })

  it('once the spill is full answers are 503, OUTCOME_UNKNOWN for what may be stored yet, then RECORDS_FULL; afterwards all is well, and nothing was lost', async () => {
    await serve(8_192)
    records.break('fail', 'append')
    let answer = await get('/report')
    let acknowledged = 0
    for (; answer.status === 200 && acknowledged < 200; acknowledged++) answer = await get('/report')
    expect(acknowledged).toBeGreaterThan(5)
    expect(answer.status).toBe(503)
    expect(code(answer)).toBe('OUTCOME_UNKNOWN')
    const later = await get('/report')
    expect([later.status, code(later)]).toEqual([503, 'RECORDS_FULL'])
    records.heal()
    await healthy()
    expect((await get('/report')).status).toBe(200)
    const requests = (await trailOf(throughline, 'acme')).filter(({ action }) => action === 'request.handled')
    // What was acknowledged, the one whose outcome was not known, and the one after: nothing that was refused.
    expect(requests).toHaveLength(acknowledged + 2)
    expect(await usage('reports')).toBe(requests.length)
    expect((await trailOf(throughline)).filter(({ action }) => action.startsWith('journal.'))).toEqual([])
  })
})

describe('while appends hang', () => {
  it('no response leaves before its record is durable, and each leaves once it is', async () => {
    await serve()
    await get('/report')
    records.break('hang', 'append')
    const answered: number[] = []
    const requests = Array.from({ length: 30 }, (_, i) =>
      get('/report').then((answer) => {
        answered.push(i)
        return answer
      }),
    )
    await until(() => handled === 31 && records.hanging === 1)
    // A request without tenant context shows that the server itself answers.
    for (let i = 0; i < 5; i++) await get('/background')
    expect(answered).toEqual([])
    records.heal()
    for (const answer of await Promise.all(requests)) expect(answer.status).toBe(200)
    expect(await usage('reports')).toBe(36)
  })

  it('a background route does not wait, and its record comes later', async () => {
    await serve()
    records.break('hang', 'append')
    expect((await get('/background')).status).toBe(200)
    expect(await throughline.health()).toMatchObject({ status: 'ok' })
    records.heal()
    expect(await usage('reports')).toBe(1)
  })
})

describe('while nothing answers at all', () => {
  const everything = ['append', 'commit', 'project', 'backlog', 'read', 'versions', 'timeline'] as const

  it('known tenants are served from the last known state; quotas and changes are refused with 503', async () => {
    await serve()
    expect((await get('/export')).status).toBe(200)
    records.break('fail', ...everything)
    expect((await get('/report')).status).toBe(200)
    const answer = await get('/export')
    expect(answer.status).toBe(503)
    expect(code(answer)).toBe('QUOTA_UNAVAILABLE')
    const asked = throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => throughline.audit.list())
    await expect(asked).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE', status: 503 })
    records.heal()
    await healthy()
    expect((await get('/export')).status).toBe(200)
    expect(await usage('exports')).toBe(2)
  })

  it('a quota whose give-back fails is never exceeded by what was kept', async () => {
    await serve()
    await get('/export')
    records.break('fail', 'append')
    expect((await get('/failing-export')).status).toBe(400)
    records.heal()
    await healthy()
    expect(await usage('exports')).toBe(1)
  })
})

describe('close', () => {
  it('answers every request that was let in, refuses the others with 503, and loses nothing', async () => {
    await serve()
    await get('/report')
    records.break('hang', 'append')
    const requests = Array.from({ length: 40 }, () => get('/report'))
    await until(() => handled === 41)
    const closing = throughline.close()
    const late = await get('/report')
    expect(late.status).toBe(503)
    expect(code(late)).toBe('CLOSED')
    records.heal()
    for (const answer of await Promise.all(requests)) expect(answer.status).toBe(200)
    await closing
    const { events } = await records.timeline({ tenant: 'acme', limit: 1_000 })
    expect(events.filter(({ action }) => action === 'request.handled')).toHaveLength(41)
    expect(await records.backlog()).toMatchObject({ rows: 0 })
  })
})

describe('when the records database does not answer at the start', () => {
  it('says so, whatever its driver says, and why', async () => {
    const storage = memoryStorage()
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    storage.records.open = () => Promise.reject(cause)
    const without = createThroughline({ storage, logger: { warn: () => undefined } })
    await expect(without.ready()).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE', status: 503, cause })
    await without.close()
  })
})
