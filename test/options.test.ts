import type { ThroughlineOptions } from '@throughline/core'
import {
  createThroughline,
  fromHeader,
  fromSubdomain,
  guarded,
  meter,
  perMinute,
  quotaPerMonth,
  rateLimit,
  requireFlag,
  requirePlan,
  requireRole,
  ThroughlineError,
} from '@throughline/core'
import { guard, requestAudit, tenantContext } from '@throughline/express'
import { describe, expect, it } from 'vitest'

/** What is wrong with some options, by path; nothing must have been started. */
function problemsOf(options: unknown): Readonly<Record<string, string>> {
  try {
    createThroughline(options as ThroughlineOptions)
  } catch (error) {
    expect(error).toBeInstanceOf(ThroughlineError)
    const { code, details, message } = error as ThroughlineError
    expect(code).toBe('OPTIONS_INVALID')
    const problems = details.problems as readonly { path: string; message: string }[]
    for (const { path, message: each } of problems) expect(message).toContain(`${path}: ${each}`)
    return Object.fromEntries(problems.map(({ path, message: each }) => [path, each]))
  }
  throw new Error('The options were taken.')
}

describe('one error lists everything that is wrong', () => {
  it('a typo, an unknown meter in a plan, a rate of 0 and an invalid schema', () => {
    const problems = problemsOf({
      limts: { api: perMinute(1) },
      limits: { api: perMinute(0) },
      meters: { reports: { aggregate: 'count' } },
      plans: { free: { quotas: { reprots: quotaPerMonth(10) } } },
      config: { type: 'object' },
      mode: 'observing',
    })
    expect(problems.limts).toContain('Did you mean "limits"?')
    expect(problems['plans.free.quotas.reprots']).toContain('Did you mean "reports"?')
    expect(problems.mode).toContain('Did you mean "observe"?')
    expect(Object.keys(problems).some((path) => path.startsWith('limits.api'))).toBe(true)
    expect(Object.keys(problems).some((path) => path.startsWith('config'))).toBe(true)
    expect(Object.keys(problems)).toHaveLength(5)
  })

  it('of every part, with what was meant', () => {
    const problems = problemsOf({
      tenants: { lod: () => null, isMember: true },
      mode: { limit: 'observe', membership: 'observed' },
      journal: { secret: 'short', durability: 'disc', lanes: 0, drainTimeout: -1, spill: { maxByte: 1, maxBytes: 1 } },
      snapshots: { maxstale: 1, max: 1.5 },
      migrate: 'atuo',
      storage: {},
    })
    expect(problems['tenants.lod']).toContain('Did you mean "load"?')
    expect(problems['tenants.isMember']).toContain('function')
    expect(problems['mode.limit']).toContain('Did you mean "limits"?')
    expect(problems['mode.membership']).toContain('Did you mean "observe"?')
    expect(problems['journal.secret']).toContain('32')
    expect(problems['journal.durability']).toContain('Did you mean "disk"?')
    expect(problems['journal.spill.maxByte']).toContain('Did you mean "maxBytes"?')
    expect(problems['snapshots.maxstale']).toContain('Did you mean "maxStale"?')
    expect(problems.migrate).toContain('Did you mean "auto"?')
    for (const path of [
      'journal.lanes',
      'journal.drainTimeout',
      'journal.spill.maxBytes',
      'snapshots.max',
      'storage',
    ]) {
      expect(problems, path).toHaveProperty([path])
    }
    expect(Object.keys(problems)).toHaveLength(14)
  })

  it('of what would be passed over, and its default taken', () => {
    for (const spill of [true, './folder', 5, null, []])
      expect(problemsOf({ journal: { spill } })).toEqual({ 'journal.spill': expect.stringContaining('must be false') })
    const journal = { spill: { directory: 7 }, project: 'no' }
    expect(problemsOf({ journal, mode: [] })).toEqual({
      'journal.spill.directory': expect.stringContaining('path'),
      'journal.project': expect.stringContaining('true or false'),
      mode: expect.stringContaining('enforce'),
    })
    expect(problemsOf({ journal: { spill: { directory: '' } } })).toHaveProperty(['journal.spill.directory'])
  })

  it('of references between parts of the catalog', () => {
    const problems = problemsOf({
      flags: { beta: { default: false, rules: [{ if: { 'org.paln': 'free', 'orgg.x': 1 }, serve: true }] } },
      limits: { api: perMinute(10) },
      plans: { free: { limits: { appi: perMinute(1) }, features: ['betta'] } },
    })
    expect(problems['plans.free.limits.appi']).toContain('Did you mean "api"?')
    expect(Object.entries(problems).some(([path, text]) => path.includes('features') && text.includes('"beta"'))).toBe(
      true,
    )
    expect(Object.keys(problems).some((path) => path.startsWith('flags.beta'))).toBe(true)
  })

  it('a catalog given both whole and inline', () => {
    expect(problemsOf({ catalog: {}, limits: { api: perMinute(1) } })).toHaveProperty('limits')
  })

  it('options that are none', () => {
    for (const options of [null, 7, 'ours', [], () => undefined]) {
      expect(Object.keys(problemsOf(options)), String(options)).not.toHaveLength(0)
    }
    expect(problemsOf({ journal: null, snapshots: null, tenants: { load: null } })).toMatchObject({
      journal: expect.any(String),
      'tenants.load': expect.any(String),
    })
    expect(problemsOf({ tenants: 'theirs', journal: 7, snapshots: 'many', logger: 1, clock: {} })).toMatchObject({
      tenants: expect.stringContaining('ours'),
      journal: expect.any(String),
      snapshots: expect.any(String),
      logger: expect.any(String),
      clock: expect.any(String),
    })
  })

  it('tenants that are a function, a list or null: taken for none they would let anybody in', () => {
    for (const tenants of [() => null, [], null])
      expect(problemsOf({ tenants }).tenants).toContain('{ load, list, isMember }')
    expect(Object.keys(problemsOf({ catalog: null }))).toHaveLength(1)
  })
})

describe('middleware options', () => {
  const throughline = createThroughline()

  it('fail where it is made, in words', () => {
    expect(() => fromSubdomain('not a host')).toThrow(/OPTIONS_INVALID.*no host name/)
    expect(() => fromHeader('x-tenant', { trsut: () => true } as never)).toThrow('Did you mean "trust"?')
    const typo = { tenat: () => 'acme', actor: () => null }
    expect(() => tenantContext(throughline, typo as never)).toThrow('Did you mean "tenant"?')
    const wrong = { tenant: () => 'acme', anonymous: 'alow', foreign: 'hidden', membership: 'claim', tenantless: '/x' }
    const error = catchError(() => tenantContext(throughline, wrong as never))
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID' })
    for (const name of ['anonymous', 'foreign', 'membership', 'tenantless']) expect(error.message).toContain(name)
    expect(() => tenantContext(throughline, { tenant: [] })).toThrow('OPTIONS_INVALID')
    expect(() => tenantContext(throughline, { tenant: 'acme' } as never)).toThrow('OPTIONS_INVALID')
  })

  it.each(['healthz', '/hooks/:id', '/hooks/*/done', '/files/*path', '/files*', '/export{.:ext}', '/x?full=1'])(
    'take no %s for a path: it would match none',
    (path) => {
      const tenant = (): string => 'acme'
      const refused = /a list of paths, each exact .* "\/public\/\*"; a router's patterns are none/
      expect(() => requestAudit(throughline, { exclude: [path] })).toThrow(refused)
      expect(() => tenantContext(throughline, { tenant, exclude: [path] })).toThrow(refused)
      expect(() => tenantContext(throughline, { tenant, tenantless: ['/healthz', path] })).toThrow(refused)
    },
  )

  it.each(['/', '/*', '/healthz/', '/public/*', '/v1/reports:export', '/a(b)'])('take %s for a path', (path) => {
    expect(requestAudit(throughline, { exclude: [path] })).toBeTypeOf('function')
    expect(tenantContext(throughline, { tenant: () => 'acme', tenantless: [path] })).toBeTypeOf('function')
  })

  it("refuse our own members' table where there is none: nobody would be a member", () => {
    const options = { tenant: () => 'acme', membership: 'ours' } as const
    expect(() => tenantContext(throughline, options)).toThrow("createThroughline({ tenants: 'ours' })")
    expect(tenantContext(createThroughline({ tenants: 'ours' }), options)).toBeTypeOf('function')
  })

  it('ask for the instance where it was forgotten', () => {
    expect(() => requestAudit({ exclude: ['/health'] } as never)).toThrow(
      /OPTIONS_INVALID: requestAudit.*createThrough/,
    )
    expect(() => tenantContext({ tenant: () => 'acme' } as never, undefined as never)).toThrow(/createThroughline/)
  })
})

describe('guards', () => {
  it('fail where they are made', () => {
    expect(() => rateLimit('api', { costs: 5 } as never)).toThrow('Did you mean "cost"?')
    expect(() => rateLimit('api', { cost: 0 })).toThrow(/OPTIONS_INVALID: rateLimit: "cost" is 0/)
    expect(() => meter('bytes', { quantity: 0.5 })).toThrow(/OPTIONS_INVALID: meter: "quantity" is 0.5/)
    for (const make of [rateLimit, meter, requireFlag, requireRole, requirePlan]) {
      expect(make as () => unknown, make.name).toThrow('OPTIONS_INVALID')
    }
  })

  it('are looked at where they are mounted', () => {
    type Mount = (...given: unknown[]) => unknown
    const wrapped: Mount = (...given) => (guarded as Mount)(async () => 1, ...given)
    const mounts = [guard as Mount, guarded as Mount, wrapped]
    for (const mount of mounts) {
      expect(() => mount()).toThrow(/OPTIONS_INVALID: guard(ed)?:/)
      expect(() => mount([rateLimit('api')])).toThrow('spread it')
      expect(() => mount(rateLimit('api'), 'api')).toThrow('no guard')
    }
    expect(() => (guard as Mount)(() => undefined)).toThrow('a function')
  })
})

describe('options of calls', () => {
  it('may be undefined: what a request left out is as if it were not there', async () => {
    const throughline = createThroughline({
      tenants: { load: (id: string) => ({ id }), list: () => [] },
      flags: { exports: { default: false } },
      limits: { api: perMinute(5) },
      meters: { reports: { aggregate: 'count' } },
    })
    const { last, cursor, cost, key, at, until }: Readonly<Partial<Record<string, string & number>>> = {}
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => {
      await throughline.usage.record('reports', 1, { key })
      expect(await throughline.limits.consume('api', { cost })).toMatchObject({ remaining: 4 })
      expect(await throughline.usage.totals({ at })).toMatchObject({ totals: [{ quantity: 1 }] })
      expect((await throughline.audit.list({ last, cursor })).events).not.toEqual([])
    })
    await throughline.platform.run({ actor: { id: 'sam' }, reason: 'TICKET-7' }, async ({ audit, flags, limits }) => {
      const change = { expectedVersion: cost, at }
      expect(await flags.patch('exports', { default: true }, change)).toMatchObject({ version: 1 })
      await flags.override('acme', 'exports', true, { until })
      await limits.override('acme', 'api', perMinute(9), { until })
      const overrides = [...(await flags.overrides('acme')), ...(await limits.overrides('acme'))]
      expect(overrides.map((override) => 'until' in override)).toEqual([false, false])
      expect((await audit.list({ tenant: key, last })).events).not.toEqual([])
    })
    await throughline.close()
  })
})

function catchError(fn: () => unknown): Error {
  try {
    fn()
  } catch (error) {
    return error as Error
  }
  throw new Error('It was taken.')
}
