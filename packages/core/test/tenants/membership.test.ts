import { setImmediate } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import { MembershipRules } from '../../src/tenants/membership-rules.ts'

const ann = { type: 'user', id: 'ann' } as const

/** An app that answers when it is told to. */
class App {
  now = 0
  readonly answers: ((isMember: boolean | Error) => void)[] = []
  readonly rules = new MembershipRules(
    () => this.now,
    () => false,
  )

  readonly isMember = (): Promise<boolean> =>
    new Promise((resolve, reject) => {
      this.answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)))
    })

  of(tenant = 'acme') {
    return this.rules.of(this.isMember).of(ann, tenant)
  }
}

it('is asked once for all who come while it is asked, of each tenant', async () => {
  const app = new App()
  const asked = Array.from({ length: 100 }, () => app.of())
  const other = app.of('globex')
  expect(app.answers).toHaveLength(2)
  app.answers[0]?.(true)
  app.answers[1]?.(false)
  for (const membership of await Promise.all(asked)) expect(membership).toEqual({ member: true })
  expect(await other).toEqual({ member: false })
  expect(app.of()).toEqual({ member: true })
  expect(app.answers).toHaveLength(2)
})

it('is asked anew after a failure, and where it takes longer than 2 s', async () => {
  const app = new App()
  const failed = app.of()
  app.answers[0]?.(new Error('down'))
  await expect(failed).rejects.toThrow('down')
  const slow = app.of()
  expect(app.answers).toHaveLength(2)
  app.now = 2_001
  const anew = app.of()
  expect(app.answers).toHaveLength(3)
  app.answers[2]?.(false)
  expect(await anew).toEqual({ member: false })
  // The earlier answer, which comes later, is nobody else's.
  app.answers[1]?.(true)
  expect(await slow).toEqual({ member: true })
  expect(app.of()).toEqual({ member: false })
})

it('what was asked before the members of the tenant changed is nobody else’s', async () => {
  const app = new App()
  const before = app.of()
  app.rules.forget('acme')
  const after = app.of()
  expect(app.answers).toHaveLength(2)
  app.answers[1]?.(false)
  expect(await after).toEqual({ member: false })
  app.answers[0]?.(true)
  expect(await before).toEqual({ member: true })
  await setImmediate()
  expect(app.of()).toEqual({ member: false })
})

it('an app that never answers keeps nobody waiting for ever', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate'] })
  try {
    const app = new App()
    const failed = Promise.resolve(app.of()).catch(String)
    await vi.advanceTimersByTimeAsync(10_001)
    expect(await failed).toContain('did not answer within')
  } finally {
    vi.useRealTimers()
  }
})
