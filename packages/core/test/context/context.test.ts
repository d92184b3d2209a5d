import { EventEmitter } from 'node:events'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { ThroughlineHost } from '../../src/index.ts'
import {
  background,
  bind,
  capture,
  checkGuards,
  createThroughline,
  currentContext,
  currentTenant,
  guarded,
  isPlatformContext,
  memoryStorage,
  meter,
  perMinute,
  quotaPerMonth,
  rateLimit,
  refresh,
  requireFlag,
  requirePlan,
  requireRole,
  strict,
  ThroughlineError,
  tryCurrentTenant,
} from '../../src/index.ts'

const catalog = {
  flags: { beta: { default: true } },
  limits: { api: perMinute(1_000) },
  meters: { reports: { aggregate: 'count' } },
  plans: { free: { quotas: { reports: quotaPerMonth(1_000, { hard: true }) } } },
  config: z.object({ theme: z.string().default('light') }),
} as const

const open = () => createThroughline({ catalog, tenants: 'ours', storage: memoryStorage() })
const operator = { actor: { id: 'operator' }, reason: 'test' }
const ada = { id: 'ada' }

let throughline: ReturnType<typeof open>

beforeEach(async () => {
  throughline = open()
  await throughline.platform.run(operator, async (platform) => {
    await platform.tenants.create({ id: 'acme', plan: 'free' })
    await platform.tenants.create({ id: 'globex' })
  })
})
afterEach(() => throughline.close())

/** What a call is refused with, whether it throws or rejects. */
async function refusal(call: () => unknown): Promise<ThroughlineError> {
  try {
    const result = call()
    // An asynchronous generator begins with its first step.
    if (typeof (result as AsyncGenerator)?.next === 'function') await (result as AsyncGenerator).next()
    else await result
  } catch (error) {
    if (error instanceof ThroughlineError) return error
    throw error
  }
  throw new Error('It was not refused.')
}

function methodsOf(value: object): string[] {
  const names = new Set<string>()
  for (let at: object | null = value; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value: member }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof member === 'function' && name !== 'constructor') names.add(name)
    }
  }
  return [...names]
}

/** Parameters with which a method would work in a context; a method without an entry is called without any. */
const PARAMETERS: Readonly<Record<string, readonly unknown[]>> = {
  'flags.isEnabled': ['beta'],
  'flags.value': ['beta'],
  'flags.evaluate': ['beta'],
  'limits.consume': ['api'],
  'usage.record': ['reports'],
  'usage.remaining': ['reports'],
  'config.get': ['theme'],
  'config.set': [{ theme: 'dark' }],
  'config.unset': [['theme']],
  'members.add': ['bob'],
  'members.remove': ['bob'],
  'audit.record': [{ action: 'report.shared' }],
}
const PLATFORM_PARAMETERS: Readonly<Record<string, readonly unknown[]>> = {
  'flags.define': ['beta', { default: true }],
  'flags.reset': ['beta'],
  'flags.override': ['acme', 'beta', true],
  'flags.clearOverride': ['acme', 'beta'],
  'limits.override': ['acme', 'api', perMinute(1)],
  'limits.clearOverride': ['acme', 'api'],
  'usage.totals': ['acme'],
  'tenants.create': [{ id: 'initech' }],
  'tenants.get': ['acme'],
  'tenants.changePlan': ['acme', 'free'],
  'tenants.update': ['acme', {}],
  'tenants.suspend': ['acme'],
  'tenants.reactivate': ['acme'],
}
/** For code that already holds a scope: not on the type, and without an open context there is none to pass. */
const TAKES_A_SCOPE = /In$/

describe('outside a tenant context', () => {
  const engines = ['flags', 'limits', 'usage', 'config', 'members', 'audit'] as const
  const calls = (): [string, () => unknown][] =>
    engines.flatMap((engine) =>
      methodsOf(throughline[engine])
        .filter((name) => !TAKES_A_SCOPE.test(name))
        .map((name): [string, () => unknown] => {
          const id = `${engine}.${name}`
          const target = throughline[engine] as unknown as Record<string, (...parameters: unknown[]) => unknown>
          return [id, () => target[name]?.(...(PARAMETERS[id] ?? []))]
        }),
    )

  it('every call of every engine is refused with TENANT_REQUIRED and the remedy', async () => {
    const found = calls()
    expect(found.length).toBeGreaterThanOrEqual(17)
    for (const [id, call] of found) {
      const error = await refusal(call).catch((other: unknown) => other as Error)
      expect(error, id).toMatchObject({ code: 'TENANT_REQUIRED' })
      expect(error.message, id).toMatch(/tenantContext\(throughline.*throughline\.run\(/)
    }
  })

  it('the same calls work inside one, so that it is the context they lacked', async () => {
    await throughline.run({ tenant: 'acme', actor: ada }, async () => {
      for (const [id, call] of calls()) {
        const result = await call()
        if (id === 'audit.timeline') await (result as AsyncGenerator).next()
      }
    })
  })

  it('they are refused in a platform context too: an operator is no tenant', async () => {
    await throughline.platform.run(operator, async () => {
      expect(isPlatformContext()).toBe(true)
      for (const [id, call] of calls()) {
        expect(await refusal(call).catch((other: unknown) => other), id).toMatchObject({ code: 'TENANT_REQUIRED' })
      }
    })
  })

  it('the free functions are refused, and tryCurrentTenant knows none', async () => {
    for (const call of [currentContext, currentTenant, capture, refresh, () => bind(() => undefined)]) {
      expect((await refusal(call)).code).toBe('TENANT_REQUIRED')
    }
    expect(tryCurrentTenant()).toBeUndefined()
    expect(isPlatformContext()).toBe(false)
  })

  it('guards and guarded functions are refused, and never pass', async () => {
    const guards = [
      requireFlag('beta' as never),
      rateLimit('api' as never),
      meter('reports' as never),
      requireRole('admin'),
      requirePlan('free' as never),
      strict(),
      background(),
      ...Object.values(throughline.guards).map((make) =>
        (make as (name: string) => typeof strict extends () => infer G ? G : never)('beta'),
      ),
    ]
    for (const guard of guards) {
      expect((await refusal(() => checkGuards([guard]))).code, guard.name).toBe('TENANT_REQUIRED')
      let ran = false
      const wrapped = guarded(() => {
        ran = true
      }, guard)
      expect((await refusal(wrapped)).code, guard.name).toBe('TENANT_REQUIRED')
      expect(ran, guard.name).toBe(false)
    }
  })

  it('platform calls are refused without a run, and a run without a reason', async () => {
    const { run, ...parts } = throughline.platform
    for (const [part, methods] of Object.entries(parts)) {
      for (const name of methodsOf(methods)) {
        const id = `${part}.${name}`
        const call = (methods as unknown as Record<string, (...parameters: unknown[]) => unknown>)[name]
        const error = await refusal(() => call?.(...(PLATFORM_PARAMETERS[id] ?? []))).catch((other: unknown) => other)
        expect(error, id).toMatchObject({ code: 'PLATFORM_REASON_REQUIRED' })
      }
    }
    for (const by of [
      undefined,
      {},
      { actor: ada },
      { actor: ada, reason: ' ' },
      { reason: 'x' },
      { actor: {}, reason: 'x' },
    ]) {
      expect((await refusal(() => run(by as never, () => undefined))).code).toBe('PLATFORM_REASON_REQUIRED')
    }
  })
})

describe('a tenant context', () => {
  it('is frozen, all of it', async () => {
    await throughline.run({ tenant: 'acme', actor: { id: 'ada', roles: ['admin'] } }, () => {
      const context = currentContext()
      for (const part of [context, context.tenant, context.tenant.attributes, context.actor, context.actor.roles]) {
        expect(Object.isFrozen(part)).toBe(true)
      }
      expect(() => Object.assign(context, { tenant: { id: 'globex' } })).toThrow(TypeError)
      expect(currentContext()).toBe(context)
      expect(context.traceId).toMatch(/^[0-9a-f]{32}$/)
    })
  })

  it('is not changed by what becomes of the actor that was handed in', async () => {
    const roles = ['viewer']
    const actor = { id: 'ada', roles }
    await throughline.run({ tenant: 'acme', actor }, () => {
      roles.push('admin')
      actor.id = 'eve'
      expect(currentContext().actor).toEqual({ id: 'ada', type: 'user', roles: ['viewer'] })
    })
  })

  it('is entered by a nested run of the same tenant, but another tenant only on demand', async () => {
    await throughline.run({ tenant: 'acme', actor: ada }, async () => {
      const error = await refusal(() => throughline.run({ tenant: 'globex', actor: ada }, () => undefined))
      expect(error.code).toBe('TENANT_SWITCH_REFUSED')
      expect(error.details).toEqual({ open: 'acme', asked: 'globex' })
      await throughline.run({ tenant: 'acme', actor: { id: 'bob' } }, () => {
        expect(currentContext().actor.id).toBe('bob')
      })
      await throughline.run({ tenant: 'globex', actor: ada, switch: true }, async () => {
        expect(currentTenant().id).toBe('globex')
        await Promise.resolve()
        expect(currentTenant().id).toBe('globex')
      })
      expect(currentTenant().id).toBe('acme')
      expect(currentContext().actor.id).toBe('ada')
    })
    expect(tryCurrentTenant()).toBeUndefined()
  })

  it('is of no tenant whose id none can have, whatever names it', async () => {
    const alone = createThroughline()
    try {
      for (const tenant of ['$platform', '$unknown', '', 'a\nb', 'x'.repeat(201), undefined, 7, { id: 'acme' }]) {
        const error = await refusal(() => alone.run({ tenant: tenant as string, actor: ada }, () => undefined))
        expect(error.code, String(tenant)).toBe('TENANT_NOT_FOUND')
      }
    } finally {
      await alone.close()
    }
  })

  it('is one of its own for one user in two tenants at once', async () => {
    const seen: string[] = []
    const tab = (tenant: string, turns: number): Promise<void> =>
      throughline.run({ tenant, actor: ada }, async () => {
        for (let i = 0; i < turns; i++) {
          await new Promise((resolve) => setImmediate(resolve))
          seen.push(`${tenant}:${currentTenant().id}:${currentContext().actor.id}`)
        }
      })
    await Promise.all([tab('acme', 20), tab('globex', 20)])
    expect(new Set(seen)).toEqual(new Set(['acme:acme:ada', 'globex:globex:ada']))
  })

  it('is tied to a callback by bind, with this, parameters and result', async () => {
    const bus = new EventEmitter()
    const heard: string[] = []
    await throughline.run({ tenant: 'acme', actor: ada }, () => {
      bus.on(
        'tied',
        bind(() => heard.push(currentTenant().id)),
      )
      bus.on('loose', () => heard.push(currentTenant().id))
      const tied = bind(function (this: { n: number }, more: number) {
        return `${currentTenant().id}${this.n + more}`
      })
      heard.push(tied.call({ n: 1 }, 2))
    })
    await throughline.run({ tenant: 'globex', actor: ada }, () => {
      bus.emit('tied')
      bus.emit('loose')
      expect(currentTenant().id).toBe('globex')
    })
    bus.emit('tied')
    expect(heard).toEqual(['acme3', 'acme', 'globex', 'acme'])
    expect(tryCurrentTenant()).toBeUndefined()
  })

  it('belongs to its instance: another one does not act in it', async () => {
    const other = open()
    try {
      await throughline.run({ tenant: 'acme', actor: ada }, async () => {
        expect((await refusal(() => other.flags.isEnabled('beta'))).code).toBe('CONTEXT_MISMATCH')
        expect((await refusal(() => other.audit.list())).code).toBe('CONTEXT_MISMATCH')
      })
      await throughline.platform.run(operator, async () => {
        expect((await refusal(() => other.platform.audit.list())).code).toBe('PLATFORM_REASON_REQUIRED')
      })
    } finally {
      await other.close()
    }
  })

  it('sees one snapshot, its own committed changes, and what is new when it asks', async () => {
    await throughline.run({ tenant: 'acme', actor: ada }, async () => {
      const before = currentContext()
      await throughline.config.set({ theme: 'dark' })
      expect(throughline.config.get('theme')).toBe('dark')
      await throughline.run({ tenant: 'acme', actor: { id: 'bob' } }, () => throughline.config.set({ theme: 'blue' }))
      await throughline.platform.run(operator, (platform) => platform.tenants.update('acme', { region: 'eu' }))
      expect(throughline.config.get('theme')).toBe('dark')
      expect(currentTenant().attributes).toEqual({})
      await refresh()
      expect(throughline.config.get('theme')).toBe('blue')
      expect(currentTenant().attributes).toEqual({ region: 'eu' })
      expect(before.tenant.attributes).toEqual({})
    })
  })

  it('may end its own membership: the change stands, and is told', async () => {
    await throughline.run({ tenant: 'acme', actor: ada }, async () => {
      await throughline.members.add('ada', { roles: ['admin'] })
      expect(await throughline.members.remove('ada')).toBe(true)
      expect(await throughline.members.list()).toEqual([])
    })
  })
})

describe('a captured context', () => {
  it('is JSON, and goes on elsewhere with tenant, actor and trace', async () => {
    const other = createThroughline({ catalog, tenants: { load: (id) => ({ id, plan: 'free' }) } })
    try {
      const [captured, traceId] = await throughline.run({ tenant: 'acme', actor: { id: 'ada', name: 'Ada' } }, () => [
        JSON.parse(JSON.stringify(capture())),
        currentContext().traceId,
      ])
      for (const instance of [throughline, other]) {
        await instance.resume(captured, () => {
          expect(currentContext()).toMatchObject({ actor: { id: 'ada', name: 'Ada' }, traceId })
          expect(currentTenant().id).toBe('acme')
        })
      }
    } finally {
      await other.close()
    }
  })

  it('that is none, or names what can be no tenant, is refused', async () => {
    const good = { v: 1, tenant: 'acme', actor: { id: 'ada' }, traceId: 'a'.repeat(32) }
    const forged: unknown[] = [
      null,
      undefined,
      'acme',
      7,
      [],
      {},
      { ...good, v: 2 },
      { ...good, tenant: undefined },
      { ...good, tenant: { id: 'acme' } },
      { ...good, traceId: 'x' },
      { ...good, traceId: `${'a'.repeat(32)}","tenant":"globex` },
      { ...good, actor: undefined },
      { ...good, actor: 'ada' },
      { ...good, actor: { id: 7 } },
    ]
    for (const capture of forged) {
      const refused = throughline.resume(capture as never, () => undefined)
      await expect(refused, JSON.stringify(capture)).rejects.toMatchObject({ code: 'CAPTURE_INVALID' })
    }
    for (const tenant of ['$platform', '', 'nobody', '__proto__']) {
      const refused = throughline.resume({ ...good, tenant } as never, () => undefined)
      await expect(refused, tenant).rejects.toMatchObject({ code: 'TENANT_NOT_FOUND' })
    }
    await expect(throughline.resume({ ...good, actor: { id: '' } } as never, () => 1)).rejects.toMatchObject({
      code: 'ACTOR_REQUIRED',
    })
    await throughline.resume({ ...good, actor: { id: 'ada', type: 'root', admin: true } } as never, () => {
      expect(currentContext().actor).toEqual({ id: 'ada', type: 'user' })
    })
  })

  it('of a tenant that was suspended meanwhile does not go on', async () => {
    const captured = await throughline.run({ tenant: 'acme', actor: ada }, () => capture())
    await throughline.platform.run(operator, (platform) => platform.tenants.suspend('acme'))
    await expect(throughline.resume(captured, () => 1)).rejects.toMatchObject({ code: 'TENANT_SUSPENDED' })
  })

  it('does not switch the tenant of an open context', async () => {
    const captured = await throughline.run({ tenant: 'acme', actor: ada }, () => capture())
    await throughline.run({ tenant: 'globex', actor: ada }, async () => {
      expect((await refusal(() => throughline.resume(captured, () => 1))).code).toBe('TENANT_SWITCH_REFUSED')
    })
  })
})

describe('two copies of the package', () => {
  type Copy = typeof import('../../src/context/ambient.ts')
  let copy: Copy

  beforeAll(async () => {
    const path = '../../src/context/ambient.ts?second-copy'
    copy = (await import(path)) as Copy
  })

  it('share one context', async () => {
    expect(copy.currentTenant).not.toBe(currentTenant)
    await throughline.run({ tenant: 'acme', actor: ada }, () => {
      expect(copy.currentTenant()).toBe(currentTenant())
      const tied = copy.bind(() => currentTenant().id)
      expect(tied()).toBe('acme')
    })
    expect(copy.tryCurrentTenant()).toBeUndefined()
  })
})

describe('what a run leaves', () => {
  const actions = async (tenant?: string): Promise<readonly string[]> =>
    throughline.platform.run(operator, async (platform) => {
      const { events } = await platform.audit.list({ limit: 1_000, ...(tenant !== undefined && { tenant }) })
      return events.map(({ action }) => action)
    })

  it('is on its tenant’s trail once it resolves, also when it fails', async () => {
    await throughline.run({ tenant: 'acme', actor: ada }, () => throughline.flags.isEnabled('beta'))
    const boom = Object.assign(new Error('card 4242 refused'), { code: 'E_CARD' })
    await expect(throughline.run({ tenant: 'acme', actor: ada }, () => Promise.reject(boom))).rejects.toBe(boom)
    const { events } = await throughline.run({ tenant: 'acme', actor: ada }, () => throughline.audit.list())
    expect(events).toMatchObject([
      { action: 'error', outcome: 'failure', metadata: { name: 'Error', code: 'E_CARD' } },
      { action: 'run.completed', outcome: 'failure' },
      { action: 'flag.evaluated' },
      { action: 'run.completed', outcome: 'success' },
      { action: 'tenant.created' },
    ])
    expect(JSON.stringify(events)).not.toContain('4242')
    expect(await actions('globex')).toEqual(['tenant.created'])
  })

  it('of the operator is on his trail with the reason, and on that of the tenant it concerns', async () => {
    await throughline.platform.run({ actor: { id: 'olga' }, reason: 'TICKET-7' }, (platform) =>
      platform.limits.override('acme', 'api', perMinute(5)),
    )
    await throughline.platform.run(operator, async (platform) => {
      const own = await platform.audit.list({ actor: 'olga' })
      const theirs = await platform.audit.list({ tenant: 'acme', actor: 'olga' })
      for (const { events } of [own, theirs]) expect(events.map(({ action }) => action)).toContain('limit.overridden')
      for (const { events } of [own, theirs]) expect(JSON.stringify(events)).toContain('TICKET-7')
      expect((await platform.audit.list({ tenant: 'globex', actor: 'olga' })).events).toEqual([])
    })
    // Reading a trail is on record too.
    expect(await actions()).toContain('platform.read')
  })
})

describe('close', () => {
  it('waits for open contexts, loses nothing, and answers CLOSED to what comes later', async () => {
    const storage = memoryStorage()
    const instance = createThroughline({
      meters: { reports: { aggregate: 'sum' } },
      storage,
      tenants: { load: (id) => ({ id }) },
    })
    let leave: () => void = () => undefined
    const inside = new Promise<void>((resolve) => {
      leave = resolve
    })
    let entered: () => void = () => undefined
    const open = new Promise<void>((resolve) => {
      entered = resolve
    })
    const job = instance.run({ tenant: 'acme', actor: ada }, async () => {
      entered()
      await inside
      await instance.usage.record('reports', 3)
    })
    await open
    const closing = instance.close()
    await expect(instance.run({ tenant: 'acme', actor: ada }, () => 1)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(instance.platform.run(operator, () => 1)).rejects.toMatchObject({ code: 'CLOSED' })
    leave()
    await Promise.all([job, closing])
    const page = await storage.records.timeline({ tenant: 'acme', limit: 10 })
    expect(page.events.map(({ action }) => action).sort()).toEqual(['run.completed', 'usage.recorded'])
    await instance.close()
    await expect(
      instance.resume({ v: 1, tenant: 'acme', actor: ada, traceId: 'a'.repeat(32) }, () => 1),
    ).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('of an instance that never started does not start it', async () => {
    const instance = createThroughline({ tenants: { load: (id) => ({ id }) } }) satisfies ThroughlineHost
    await instance.close()
    await expect(instance.run({ tenant: 'acme', actor: ada }, () => 1)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
