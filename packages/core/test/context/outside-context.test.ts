import { describe, expect, it } from 'vitest'
import {
  background,
  bind,
  capture,
  checkGuards,
  currentContext,
  currentTenant,
  guarded,
  isPlatformContext,
  meter,
  perMinute,
  rateLimit,
  refresh,
  requireFlag,
  requirePlan,
  requireRole,
  strict,
  tryCurrentTenant,
} from '../../src/index.ts'
import { ada, operator, refusal, useInstance } from './bench.ts'

const throughline = useInstance()

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
  'flags.explain': ['beta'],
  'limits.consume': ['api'],
  'limits.tryConsume': ['api', { partial: true }],
  'limits.peek': ['api'],
  'limits.refund': ['api'],
  'limits.reserve': ['api'],
  'limits.hold': ['api'],
  'usage.record': ['reports'],
  'usage.remaining': ['reports'],
  'config.get': ['theme'],
  'config.set': [{ theme: 'dark' }],
  'config.unset': [['theme']],
  'members.add': ['bob'],
  'members.remove': ['bob'],
  'audit.record': [{ action: 'report.shared' }],
  'audit.flagEvaluated': [{ flag: 'theirs', provider: 'other' }],
}
const PLATFORM_PARAMETERS: Readonly<Record<string, readonly unknown[]>> = {
  'flags.define': ['beta', { default: true }],
  'flags.patch': ['beta', { enabled: false }],
  'flags.archive': ['beta'],
  'flags.rollback': ['beta', { to: 0 }],
  'flags.reset': ['beta'],
  'flags.cancel': ['beta', 1],
  'flags.get': ['beta'],
  'flags.history': ['beta'],
  'flags.preview': ['beta', { reset: true }],
  'flags.compare': ['acme', 'acme'],
  'flags.override': ['acme', 'beta', true],
  'flags.clearOverride': ['acme', 'beta'],
  'flags.overrides': ['acme'],
  'limits.override': ['acme', 'api', perMinute(1)],
  'limits.clearOverride': ['acme', 'api'],
  'limits.overrides': ['acme'],
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
/** Of the process, and tells nothing of any tenant. */
const OF_THE_PROCESS: ReadonlySet<string> = new Set(['flags.watch'])

describe('outside a tenant context', () => {
  const engines = ['flags', 'limits', 'usage', 'config', 'members', 'audit'] as const
  const calls = (): [string, () => unknown][] =>
    engines.flatMap((engine) =>
      methodsOf(throughline()[engine])
        .filter((name) => !TAKES_A_SCOPE.test(name) && !OF_THE_PROCESS.has(`${engine}.${name}`))
        .map((name): [string, () => unknown] => {
          const id = `${engine}.${name}`
          const target = throughline()[engine] as unknown as Record<string, (...parameters: unknown[]) => unknown>
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
    await throughline().run({ tenant: 'acme', actor: ada }, async () => {
      for (const [id, call] of calls()) {
        const result = await call()
        if (id === 'audit.timeline') await (result as AsyncGenerator).next()
      }
    })
  })

  it('they are refused in a platform context too: an operator is no tenant', async () => {
    await throughline().platform.run(operator, async () => {
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
      throughline().guards.requireFlag('beta'),
      throughline().guards.rateLimit('api'),
      throughline().guards.meter('reports'),
      throughline().guards.requirePlan('free'),
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

  it('platform calls are refused without a run, and a run without an actor', async () => {
    const { run, ...parts } = throughline().platform
    for (const [part, methods] of Object.entries(parts)) {
      for (const name of methodsOf(methods)) {
        const id = `${part}.${name}`
        const call = (methods as unknown as Record<string, (...parameters: unknown[]) => unknown>)[name]
        const error = await refusal(() => call?.(...(PLATFORM_PARAMETERS[id] ?? []))).catch((other: unknown) => other)
        expect(error, id).toMatchObject({ code: 'PLATFORM_REASON_REQUIRED' })
      }
    }
    for (const by of [undefined, {}, { reason: 'x' }, { actor: {}, reason: 'x' }]) {
      expect((await refusal(() => run(by as never, () => undefined))).code).toBe('PLATFORM_REASON_REQUIRED')
    }
  })

  it('of an operator whose form holds no reason, no failure of the server is made', async () => {
    const { run } = throughline().platform
    for (const reason of [undefined, '', ' \n', null, ['x'], {}]) {
      const error = await refusal(() => run({ actor: ada, reason: reason as never }, () => undefined))
      expect(error).toMatchObject({ code: 'PLATFORM_REASON_INVALID', status: 400, expose: true })
    }
  })
})
