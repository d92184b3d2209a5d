import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  checkGuards,
  createThroughline,
  currentContext,
  currentTenant,
  memoryStorage,
  perMinute,
  refresh,
  requireFlag,
  requireRole,
} from '../../src/index.ts'

let now = 1_770_000_000_000
const operator = { actor: { id: 'operator' }, reason: 'test' }
const catalog = {
  flags: { beta: { default: true } },
  limits: { api: perMinute(10) },
  plans: { free: {}, pro: { limits: { api: perMinute(1_000) } } },
} as const

const open = (storage: ReturnType<typeof memoryStorage>) =>
  createThroughline({ catalog, tenants: 'ours', storage, clock: { now: () => now } })

let here: ReturnType<typeof open>
let there: ReturnType<typeof open>

/** Two processes on one storage, as far as they can tell. */
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const storage = memoryStorage()
  here = open(storage)
  there = open(storage)
  await Promise.all([here.ready(), there.ready()])
  await here.platform.run(operator, (platform) => platform.tenants.create({ id: 'acme', plan: 'free' }))
})
afterEach(async () => {
  vi.useRealTimers()
  await Promise.all([here.close(), there.close()])
})

/** Lets time go by, with the timers that fall due in it. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    now += Math.min(100, left)
    await vi.advanceTimersByTimeAsync(Math.min(100, left))
  }
}

const inside = <R>(fn: () => R | Promise<R>): Promise<R> => there.run({ tenant: 'acme', actor: { id: 'ada' } }, fn)
const limit = async (): Promise<number> => (await there.limits.consume('api')).limit

describe('what one process changes, within 2 s in another', () => {
  it('acts on contexts entered from then on', async () => {
    expect(await inside(limit)).toBe(10)
    await here.platform.run(operator, (platform) => platform.tenants.changePlan('acme', 'pro'))
    await pass(2_000)
    expect(await inside(limit)).toBe(1_000)
    await here.platform.run(operator, (platform) => platform.limits.override('acme', 'api', perMinute(7)))
    await pass(2_000)
    expect(await inside(limit)).toBe(7)
    await here.platform.run(operator, (platform) => platform.flags.define('beta', { default: false }))
    await pass(2_000)
    expect(await inside(() => there.flags.isEnabled('beta'))).toBe(false)
    await here.platform.run(operator, (platform) => platform.tenants.suspend('acme'))
    await pass(2_000)
    await expect(inside(() => 1)).rejects.toMatchObject({ code: 'TENANT_SUSPENDED' })
    await here.platform.run(operator, (platform) => platform.tenants.reactivate('acme'))
    await pass(2_000)
    expect(await inside(() => currentTenant().status)).toBe('active')
  })

  it('acts in a running context at its next guard, and not in the middle of one', async () => {
    const refused = inside(async () => {
      await here.platform.run(operator, (platform) => platform.flags.define('beta', { default: false }))
      await pass(5_000)
      expect(there.flags.isEnabled('beta')).toBe(true)
      await checkGuards([requireFlag('beta' as never)])
    })
    await expect(refused).rejects.toMatchObject({ code: 'FLAG_OFF' })
    const suspended = inside(async () => {
      await here.platform.run(operator, (platform) => platform.tenants.suspend('acme'))
      await pass(5_000)
      expect(currentContext().tenant.status).toBe('active')
      await checkGuards([requireRole('admin')])
    })
    await expect(suspended).rejects.toMatchObject({ code: 'TENANT_SUSPENDED' })
  })

  it('is seen by a running context that asks for what is stored now', async () => {
    await inside(async () => {
      expect(there.flags.isEnabled('beta')).toBe(true)
      await here.platform.run(operator, (platform) => platform.flags.define('beta', { default: false }))
      await here.platform.run(operator, (platform) => platform.limits.override('acme', 'api', perMinute(7)))
      await refresh()
      expect([there.flags.isEnabled('beta'), await limit()]).toEqual([false, 7])
    })
  })

  it('stops the writes of a running context too', async () => {
    const late = inside(async () => {
      await here.platform.run(operator, (platform) => platform.tenants.suspend('acme'))
      await pass(5_000)
      await there.members.add('eve')
    })
    await expect(late).rejects.toMatchObject({ code: 'TENANT_SUSPENDED' })
    const members = await here.platform.run(operator, async (platform) => {
      await platform.tenants.reactivate('acme')
      return here.run({ tenant: 'acme', actor: { id: 'ada' } }, () => here.members.list())
    })
    expect(members).toEqual([])
  })

  it('is one trail: what both wrote stands on it in order, once', async () => {
    for (let i = 0; i < 10; i++) {
      const instance = i % 2 === 0 ? here : there
      await instance.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
        instance.audit.record({ action: 'test.step', metadata: { i } }),
      )
    }
    vi.useRealTimers()
    now += 10_000
    for (const instance of [here, there]) {
      const { events } = await instance.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
        instance.audit.list({ action: 'test.step' }),
      )
      expect(events.map(({ metadata }) => metadata.i)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
      now += 10_000
    }
  })
})
