import { EventEmitter } from 'node:events'
import { beforeAll, describe, expect, it } from 'vitest'
import { currentScope, runIn } from '../../src/context/index.ts'
import {
  bind,
  createThroughline,
  currentContext,
  currentTenant,
  isPlatformContext,
  refresh,
  tryCurrentTenant,
} from '../../src/index.ts'
import { ada, open, operator, refusal, useInstance } from './bench.ts'

const throughline = useInstance()

describe('a tenant context', () => {
  it('is frozen, all of it', async () => {
    await throughline().run({ tenant: 'acme', actor: { id: 'ada', roles: ['admin'] } }, () => {
      const context = currentContext()
      for (const part of [context, context.tenant, context.tenant.attributes, context.actor, context.actor.roles]) {
        expect(Object.isFrozen(part)).toBe(true)
      }
      expect(() => Object.assign(context, { tenant: { id: 'globex' } })).toThrow(TypeError)
      expect(currentContext()).toBe(context)
      expect(context.traceId).toMatch(/^[0-9a-f]{32}$/)
    })
  })

  it('is frozen where the actor is no more than an id, too', async () => {
    await throughline().run({ tenant: 'acme', actor: ada }, () => {
      expect(Object.isFrozen(currentContext().actor)).toBe(true)
    })
  })

  it('is frozen at every level of what the app’s own table says, and leaves that as it is', async () => {
    const row = { id: 'acme', settings: { limits: [1] }, since: new Date(0), self: undefined as unknown }
    row.self = row.settings
    const alone = createThroughline({ tenants: { load: () => row } })
    try {
      await alone.run({ tenant: 'acme', actor: ada }, () => {
        const { settings, since, self } = currentTenant().attributes as typeof row
        expect(() => settings.limits.push(2)).toThrow(TypeError)
        expect(() => Object.assign(settings, { limits: [] })).toThrow(TypeError)
        row.settings.limits.push(3)
        expect(settings).toEqual({ limits: [1] })
        expect(self).toBe(settings)
        expect(since).toBe(row.since)
      })
    } finally {
      await alone.close()
    }
  })

  it('is of the tenant that was handed in, whatever becomes of the object', async () => {
    const input = { tenant: '', actor: ada }
    const runs = ['acme', 'globex'].map((tenant) => {
      input.tenant = tenant
      return throughline().run(input, () => currentTenant().id)
    })
    expect(await Promise.all(runs)).toEqual(['acme', 'globex'])
  })

  it('is not changed by what becomes of the actor that was handed in', async () => {
    const roles = ['viewer']
    const actor = { id: 'ada', roles }
    await throughline().run({ tenant: 'acme', actor }, () => {
      roles.push('admin')
      actor.id = 'eve'
      expect(currentContext().actor).toEqual({ id: 'ada', type: 'user', roles: ['viewer'] })
    })
  })

  it('is entered by a nested run of the same tenant, but another tenant only on demand', async () => {
    await throughline().run({ tenant: 'acme', actor: ada }, async () => {
      const error = await refusal(() => throughline().run({ tenant: 'globex', actor: ada }, () => undefined))
      expect(error.code).toBe('TENANT_SWITCH_REFUSED')
      expect(error.details).toEqual({ open: 'acme', asked: 'globex' })
      await throughline().run({ tenant: 'acme', actor: { id: 'bob' } }, () => {
        expect(currentContext().actor.id).toBe('bob')
      })
      await throughline().run({ tenant: 'globex', actor: ada, switch: true }, async () => {
        expect(currentTenant().id).toBe('globex')
        await Promise.resolve()
        expect(currentTenant().id).toBe('globex')
      })
      expect(currentTenant().id).toBe('acme')
      expect(currentContext().actor.id).toBe('ada')
    })
    expect(tryCurrentTenant()).toBeUndefined()
  })

  it('holds for what begins only when it is awaited, as a query does that is returned', async () => {
    /** Most query builders are such: nothing is sent before somebody calls `then`. */
    const query = (): Promise<string> => {
      const then = (found: (where: string) => void): void =>
        found(tryCurrentTenant()?.id ?? (isPlatformContext() ? 'the platform' : 'nowhere'))
      return { then } as unknown as Promise<string>
    }
    expect(await throughline().run({ tenant: 'acme', actor: ada }, query)).toBe('acme')
    expect(await throughline().platform.run(operator, query)).toBe('the platform')
    await throughline().run({ tenant: 'globex', actor: ada }, async () => {
      expect(await throughline().run({ tenant: 'acme', actor: ada, switch: true }, query)).toBe('acme')
    })
  })

  it('is of no tenant whose id none can have, whatever names it', async () => {
    const alone = createThroughline()
    try {
      for (const tenant of ['$platform', '$unknown', '', 'a\nb', 'x'.repeat(201), 'acme\ud800']) {
        const error = await refusal(() => alone.run({ tenant, actor: ada }, () => undefined))
        expect(error.code, tenant).toBe('TENANT_NOT_FOUND')
      }
    } finally {
      await alone.close()
    }
  })

  it('is one of its own for one user in two tenants at once', async () => {
    const seen: string[] = []
    const tab = (tenant: string, turns: number): Promise<void> =>
      throughline().run({ tenant, actor: ada }, async () => {
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
    await throughline().run({ tenant: 'acme', actor: ada }, () => {
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
    await throughline().run({ tenant: 'globex', actor: ada }, () => {
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
      await throughline().run({ tenant: 'acme', actor: ada }, async () => {
        expect((await refusal(() => other.flags.isEnabled('beta'))).code).toBe('CONTEXT_MISMATCH')
        expect((await refusal(() => other.audit.list())).code).toBe('CONTEXT_MISMATCH')
      })
      await throughline().platform.run(operator, async () => {
        expect((await refusal(() => other.platform.audit.list())).code).toBe('PLATFORM_REASON_REQUIRED')
      })
    } finally {
      await other.close()
    }
  })

  it('sees one snapshot, its own committed changes, and what is new when it asks', async () => {
    await throughline().run({ tenant: 'acme', actor: ada }, async () => {
      const before = currentContext()
      await throughline().config.set({ theme: 'dark' })
      expect(throughline().config.get('theme')).toBe('dark')
      await throughline().run({ tenant: 'acme', actor: { id: 'bob' } }, () =>
        throughline().config.set({ theme: 'blue' }),
      )
      await throughline().platform.run(operator, (platform) => platform.tenants.update('acme', { region: 'eu' }))
      expect(throughline().config.get('theme')).toBe('dark')
      expect(currentTenant().attributes).toEqual({})
      await refresh()
      expect(throughline().config.get('theme')).toBe('blue')
      expect(currentTenant().attributes).toEqual({ region: 'eu' })
      expect(before.tenant.attributes).toEqual({})
    })
  })

  it('sees the app’s own table as it is now when it asks, and as it was while that does not answer', async () => {
    let row: () => { readonly id: string; readonly plan: string } = () => ({ id: 'acme', plan: 'free' })
    const alone = createThroughline({ tenants: { load: () => row() }, logger: { warn: () => undefined } })
    try {
      await alone.run({ tenant: 'acme', actor: ada }, async () => {
        row = () => ({ id: 'acme', plan: 'pro' })
        await refresh()
        expect(currentTenant().plan).toBe('pro')
        row = () => {
          throw new Error('no database')
        }
        await refresh()
        expect(currentTenant().plan).toBe('pro')
        row = () => ({ id: 'acme', plan: 'free' })
        await refresh()
        expect(currentTenant().plan).toBe('free')
      })
    } finally {
      await alone.close()
    }
  })

  it('may end its own membership: the change stands, and is told', async () => {
    await throughline().run({ tenant: 'acme', actor: ada }, async () => {
      await throughline().members.add('ada', { roles: ['admin'] })
      expect(await throughline().members.remove('ada')).toBe(true)
      expect(await throughline().members.list()).toEqual([])
    })
  })
})

it('a context is left where its function ends, also where that throws', async () => {
  const context = await throughline().run({ tenant: 'acme', actor: ada }, () => currentScope())
  expect(runIn(context, () => tryCurrentTenant()?.id)).toBe('acme')
  expect(tryCurrentTenant()).toBeUndefined()
  const thrown = () =>
    runIn(context, () => {
      throw new RangeError()
    })
  expect(thrown).toThrow(RangeError)
  expect(tryCurrentTenant()).toBeUndefined()
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
    await throughline().run({ tenant: 'acme', actor: ada }, () => {
      expect(copy.currentTenant()).toBe(currentTenant())
      const tied = copy.bind(() => currentTenant().id)
      expect(tied()).toBe('acme')
    })
    expect(copy.tryCurrentTenant()).toBeUndefined()
  })
})
