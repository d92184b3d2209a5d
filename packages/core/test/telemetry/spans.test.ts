import { SpanStatusCode, trace } from '@opentelemetry/api'
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../../test/until.ts'
import type { ThroughlineHost } from '../../src/index.ts'
import {
  capture,
  checkGuards,
  createThroughline,
  currentContext,
  perMinute,
  rateLimit,
  requirePlan,
  requireRole,
} from '../../src/index.ts'
import { overriddenStorage } from './overridden-storage.ts'
import { inSpan, Sdk } from './sdk.ts'
import { tracedApp } from './traced-app.ts'

const options = {
  limits: { api: perMinute(2) },
  plans: { free: {} },
  tenants: { load: async (id: string) => (id === 'nobody' ? null : { id, plan: 'free' }) },
} as const
const ada = { id: 'ada' }
const ACME = { 'tenant.id': 'acme', 'tenant.plan': 'free' }

let sdk: Sdk
let ending: (() => Promise<unknown>)[]
beforeEach(() => {
  sdk = new Sdk()
  ending = [() => sdk.remove()]
})
afterEach(async () => {
  for (const end of ending.reverse()) await end()
})

const open = (telemetry?: { tenantAttribute?: string; spans?: boolean }) => {
  const throughline = createThroughline({ ...options, ...(telemetry && { telemetry }) })
  ending.push(() => throughline.close())
  return throughline
}
const ended = (name: string) =>
  until(() => sdk.spans.some((span) => span.name === name), { what: name, withinMs: 3_000 })
const serve = async (throughline: ThroughlineHost, ...rest: [() => unknown]) => {
  const app = await tracedApp(throughline, ...rest)
  ending.push(() => app.stop())
  return app
}

describe('a request with a span', () => {
  it('names its tenant on it and has spans for context, guards and settle below it', async () => {
    sdk.register()
    const app = await serve(open(), () => checkGuards([rateLimit('api'), requirePlan('free')]))
    expect((await app.get('acme')).status).toBe(200)
    await ended('GET /')
    const request = sdk.span('GET /')
    expect(request.attributes).toEqual(ACME)
    expect(sdk.span('throughline.context', request).attributes).toEqual(ACME)
    expect(sdk.span('throughline.guards', request).attributes).toEqual({
      ...ACME,
      'throughline.guards': ['limit:api', 'plan:free'],
      'throughline.outcome': 'allowed',
    })
    expect(sdk.span('throughline.settle', request).attributes).toEqual({ 'tenant.id': 'acme' })
    expect(sdk.spans).toHaveLength(4)
  })

  it('works with an SDK that is registered after the instance was made', async () => {
    const throughline = open()
    await throughline.ready()
    sdk.register()
    const app = await serve(throughline, () => undefined)
    await app.get('acme')
    await ended('GET /')
    expect(sdk.spans.map(({ name }) => name).sort()).toEqual(['GET /', 'throughline.context', 'throughline.settle'])
  })

  it('what the app does in the context stays below its own span, and reads in it below the span of the context', async () => {
    sdk.register()
    const load = (id: string) => inSpan('SELECT organizations', async () => ({ id }))
    const throughline = createThroughline({ tenants: { load } })
    ending.push(() => throughline.close())
    const app = await serve(throughline, () => inSpan('handler', async () => undefined))
    await app.get('acme')
    await ended('GET /')
    const request = sdk.span('GET /')
    sdk.span('handler', request)
    sdk.span('SELECT organizations', sdk.span('throughline.context', request))
  })

  it('says which code a refusal has, without calling it an error', async () => {
    sdk.register()
    const app = await serve(open(), () => checkGuards([rateLimit('api'), requireRole('admin')]))
    expect((await app.get('acme')).status).toBe(403)
    expect((await app.get('nobody', '/unknown')).status).toBe(404)
    await ended('GET /unknown')
    const guards = sdk.span('throughline.guards')
    expect(guards.attributes).toMatchObject({ 'throughline.outcome': 'refused', 'throughline.code': 'ROLE_REQUIRED' })
    expect(guards.status.code).toBe(SpanStatusCode.UNSET)
    const unknown = sdk.span('GET /unknown')
    expect(unknown.attributes).toEqual({})
    expect(sdk.span('throughline.context', unknown).attributes).toEqual({
      'throughline.outcome': 'refused',
      'throughline.code': 'TENANT_NOT_FOUND',
    })
  })

  it('keeps texts of errors out of the spans', async () => {
    sdk.register()
    const throughline = createThroughline({
      tenants: { load: () => Promise.reject(new TypeError('password=hunter2')) },
    })
    ending.push(() => throughline.close())
    const app = await serve(throughline, () => undefined)
    expect((await app.get('acme')).status).toBe(500)
    await ended('GET /')
    const { attributes, status, events } = sdk.span('throughline.context')
    expect({ attributes, status, events }).toEqual({
      attributes: { 'throughline.outcome': 'failed', 'error.type': 'TypeError' },
      status: { code: SpanStatusCode.ERROR },
      events: [],
    })
  })
})

describe('a run, and what resumes it', () => {
  it('name the tenant on the span of the job, with spans for context and settle below it', async () => {
    sdk.register()
    const throughline = open()
    const captured = await inSpan('run', () => throughline.run({ tenant: 'acme', actor: ada }, () => capture()))
    const resumed = await inSpan('resume', () => throughline.resume(captured, () => currentContext().traceId))
    for (const name of ['run', 'resume']) {
      const job = sdk.span(name)
      expect(job.attributes).toEqual(ACME)
      expect(sdk.span('throughline.context', job).attributes).toEqual(ACME)
      expect(sdk.span('throughline.settle', job).attributes).toEqual({ 'tenant.id': 'acme' })
    }
    expect(resumed).toBe(sdk.span('resume').spanContext().traceId)
    expect(sdk.spans).toHaveLength(6)
  })

  it('leave the span as it is when the context is refused', async () => {
    sdk.register()
    const throughline = open()
    const refused = inSpan('job', () => throughline.run({ tenant: 'nobody', actor: ada }, () => undefined))
    await expect(refused).rejects.toMatchObject({ code: 'TENANT_NOT_FOUND' })
    expect(sdk.span('job').attributes).toEqual({})
  })

  it('of the operator names no tenant', async () => {
    sdk.register()
    const throughline = open()
    await inSpan('job', () => throughline.platform.run({ actor: ada, reason: 'test' }, () => undefined))
    expect(sdk.spans.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['throughline.settle', {}],
      ['job', {}],
    ])
  })
})

describe('tenants at the same time', () => {
  it('are each named on their own spans alone', async () => {
    sdk.register()
    const app = await serve(open(), async () => {
      await new Promise((resolve) => setImmediate(resolve))
      await checkGuards([requirePlan('free')])
    })
    const tenants = Array.from({ length: 40 }, (_, i) => `tenant-${i % 8}`)
    await Promise.all(tenants.map((tenant) => app.get(tenant, `/${tenant}`)))
    await until(() => sdk.spans.filter(({ name }) => name.startsWith('GET')).length === tenants.length)
    const requests = new Map(sdk.spans.map((span) => [span.spanContext().spanId, span]))
    expect(sdk.spans).toHaveLength(4 * tenants.length)
    for (const span of sdk.spans) {
      const request = span.parentSpanContext ? requests.get(span.parentSpanContext.spanId) : span
      expect(`GET /${span.attributes['tenant.id']}`).toBe(request?.name)
    }
  })

  it('never take over a span that names another one', async () => {
    sdk.register()
    const throughline = open()
    await inSpan('job', () =>
      throughline.run({ tenant: 'acme', actor: ada }, () =>
        throughline.run({ tenant: 'globex', actor: ada, switch: true }, () => undefined),
      ),
    )
    const job = sdk.span('job')
    expect(job.attributes).toEqual(ACME)
    const contexts = sdk.spans.filter(({ name }) => name === 'throughline.context')
    expect(contexts.map(({ attributes }) => attributes['tenant.id'])).toEqual(['acme', 'globex'])
  })

  it('do not put what the journal does for all of them below the span of one', async () => {
    sdk.register()
    const spans: unknown[] = []
    const storage = overriddenStorage(({ append, project }) => ({
      append(batch) {
        spans.push(trace.getActiveSpan())
        return append.call(this, batch)
      },
      project(request) {
        spans.push(trace.getActiveSpan())
        return project.call(this, request)
      },
    }))
    const throughline = createThroughline({ storage })
    ending.push(() => throughline.close())
    await inSpan('job', async () => {
      await throughline.run({ tenant: 'acme', actor: ada }, () => undefined)
      await throughline.run({ tenant: 'acme', actor: ada }, () => throughline.audit.list())
    })
    expect(spans.length).toBeGreaterThanOrEqual(3)
    expect(new Set(spans)).toEqual(new Set([undefined]))
  })
})

describe('the trace id of a context', () => {
  const traceIdIn = async (app: Awaited<ReturnType<typeof serve>>, headers?: Record<string, string>) =>
    ((await (await app.get('acme', '/', headers)).json()) as { traceId: string }).traceId

  it("is that of the app's span", async () => {
    sdk.register()
    const throughline = open()
    const app = await serve(throughline, () => ({ traceId: currentContext().traceId }))
    const inbound = 'a'.repeat(32)
    const traceId = await traceIdIn(app, { traceparent: `00-${inbound}-${'b'.repeat(16)}-01` })
    await ended('GET /')
    expect(traceId).toBe(sdk.span('GET /').spanContext().traceId)
    const jobId = await inSpan('job', () =>
      throughline.run({ tenant: 'acme', actor: ada }, () => currentContext().traceId),
    )
    expect(jobId).toBe(sdk.span('job').spanContext().traceId)
    const events = await throughline.run({ tenant: 'acme', actor: ada }, () => throughline.audit.list())
    expect(events.events.map(({ context }) => context.traceId)).toEqual(expect.arrayContaining([traceId, jobId]))
  })

  it('is that of a span that is not kept, too, which costs no span of ours', async () => {
    sdk = new Sdk({ sampler: new AlwaysOffSampler() }).register()
    const app = await serve(open(), () => ({
      traceId: currentContext().traceId,
      span: trace.getActiveSpan()?.spanContext().traceId,
    }))
    const answer = (await (await app.get('acme')).json()) as { traceId: string; span: string }
    expect(answer.traceId).toBe(answer.span)
    expect(sdk.spans).toEqual([])
  })

  it('comes from the header without a span; baggage and trace state never choose a tenant', async () => {
    const app = await serve(open(), () => ({ traceId: currentContext().traceId, tenant: currentContext().tenant.id }))
    const inbound = 'a'.repeat(32)
    const headers = {
      traceparent: `00-${inbound}-${'b'.repeat(16)}-01`,
      baggage: 'tenant.id=globex,tenant=globex',
      tracestate: 'tenant=globex',
    }
    expect(await (await app.get('acme', '/', headers)).json()).toEqual({ traceId: inbound, tenant: 'acme' })
    expect((await app.get('', '/', headers)).status).toBe(400)
  })
})

describe('telemetry options', () => {
  it('name the attribute, and leave out our spans', async () => {
    sdk.register()
    const throughline = open({ tenantAttribute: 'app.org', spans: false })
    const app = await serve(throughline, () => checkGuards([requirePlan('free')]))
    await app.get('acme')
    await until(() => sdk.spans.length > 0)
    expect(sdk.spans.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['GET /', { 'app.org': 'acme', 'tenant.plan': 'free' }],
    ])
  })

  it('are refused in words', () => {
    const telemetry = { tenantAttribute: 'a b', spans: 'yes', attribute: 1 }
    expect(() => createThroughline({ telemetry: telemetry as never })).toThrow(
      /attribute: This option is not known[\s\S]*tenantAttribute: It must be a name[\s\S]*spans: It must be true or false/,
    )
  })
})

describe('without an SDK', () => {
  it('nothing is recorded, and a context has a trace id of its own', async () => {
    const app = await serve(open(), () => ({ traceId: currentContext().traceId }))
    const { traceId } = (await (await app.get('acme')).json()) as { traceId: string }
    expect(traceId).toMatch(/^[0-9a-f]{32}$/)
    sdk.register()
    expect(sdk.spans).toEqual([])
  })
})
