import { EventEmitter } from 'node:events'
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import type { Catalog } from '@throughline/core'
import {
  bind,
  createThroughline,
  currentContext,
  currentTenant,
  fromSubdomain,
  memoryStorage,
  perMinute,
  rateLimit,
  tryCurrentTenant,
} from '@throughline/core'
import { guard, problemDetails, requestAudit, tenantContext } from '@throughline/express'
import type { Express, RequestHandler } from 'express'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { LoggedIn } from './app.ts'
import { login, trailOf } from './app.ts'
import type { Answer } from './http-client.ts'
import { Served } from './http-client.ts'
import { until } from './until.ts'

const TENANTS = Array.from({ length: 50 }, (_, i) => `t${i}`)
const REQUESTS = 1_000
/** As many users as that are members of every tenant. */
const USERS = 7

const catalog = {
  flags: {
    whose: {
      variants: Object.fromEntries([['nobody', 'nobody'], ...TENANTS.map((id) => [id, `flag of ${poison(id)}`])]),
      rules: TENANTS.map((id) => ({ if: { 'org.id': id }, serve: id })),
      default: 'nobody',
    },
  },
  limits: { api: perMinute(60), guarded: perMinute(100) },
  meters: { units: { aggregate: 'sum' } },
  plans: Object.fromEntries(TENANTS.map((id, i) => [id, { limits: { api: perMinute(1_000 + i) } }])),
  config: z.object({ motto: z.string().default('none') }),
} as const satisfies Catalog

/** Stands in everything that is a tenant's; found anywhere else, it leaked. */
function poison(tenant: string): string {
  return `<<${tenant}>>`
}

function foreign(tenant: string, text: string): readonly string[] {
  return (text.match(/<<t\d+>>/g) ?? []).filter((found) => found !== poison(tenant))
}

const open = () =>
  createThroughline({
    catalog,
    tenants: 'ours',
    storage: memoryStorage(),
    clock: { now: () => 1_770_000_000_000 },
    logger: { warn: () => undefined },
  })

/** Lets everybody in, and, once all are inside, out again one by one: who came first goes last. */
class Stack {
  readonly entered: number[] = []
  readonly #waiting: (() => void)[] = []
  readonly #size: number
  readonly #othersGone: () => Promise<void>

  /**
   * @param othersGone resolves when all but the first are gone
   */
  constructor(size: number, othersGone: () => Promise<void> = () => Promise.resolve()) {
    this.#size = size
    this.#othersGone = othersGone
  }

  async pass(n: number): Promise<void> {
    this.entered.push(n)
    const passed = new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#waiting.length === this.#size) void this.#release()
    await passed
  }

  async #release(): Promise<void> {
    const [first, ...others] = this.#waiting.splice(0)
    for (const go of others.reverse()) {
      go()
      await turn()
    }
    await this.#othersGone()
    first?.()
  }
}

interface Work {
  readonly n: number
  readonly tenant: string
}

describe('1,000 concurrent requests of 50 tenants', () => {
  const bus = new EventEmitter().setMaxListeners(0)
  const finished: number[] = []
  const stack = new Stack(REQUESTS, () => until(() => finished.length === REQUESTS - 1))
  const wrong: string[] = []
  let checks = 0
  let heard = 0
  let finishListeners = 0
  let throughline: ReturnType<typeof open>
  let served: Served
  let answers: readonly Answer[]

  /** Every request looks around as often as it can. */
  const checking = (tenant: string, user: string) => (where: string) => {
    checks += 1
    const found = tryCurrentTenant()?.id
    if (found !== tenant) wrong.push(`${where}: ${found} instead of ${tenant}`)
    else if (currentContext().actor.id !== user) wrong.push(`${where}: ${currentContext().actor.id}`)
  }

  // A test's own assertion would only fail the request.
  const same = (what: string, found: unknown, expected: unknown): void => {
    if (found !== expected) wrong.push(`${what}: ${String(found)} instead of ${String(expected)}`)
  }

  const work: RequestHandler<Record<string, string>, unknown, Work> = async (request, response) => {
    const { tenant, n } = request.body
    const user = String((request as LoggedIn).user?.id)
    const check = checking(tenant, user)
    check('after the body')
    response.on('finish', () => {
      finishListeners += 1
      check('finish')
      finished.push(n)
    })

    await delay(Math.random() * 20)
    check('after a timer')
    await Promise.all([turn(), Promise.resolve(), new Promise<void>((resolve) => process.nextTick(resolve))])
    check('after promises')
    await new Promise<void>((resolve) => queueMicrotask(resolve))
    check('after a microtask')

    // Called by another request, from a context of its own.
    const hear = (): void => {
      heard += 1
      check('bound listener')
    }
    bus.once(`call:${n}`, bind(hear))

    const upper = new Transform({
      transform(chunk, _encoding, done) {
        check('in a stream')
        setImmediate(() => done(null, String(chunk).toUpperCase()))
      },
    })
    let written = ''
    const sink = new Writable({
      write(chunk, _encoding, done) {
        check('at the end of a stream')
        written += chunk
        done()
      },
    })
    await pipeline(Readable.from(['a', 'b', `${n}`]), upper, sink)
    check('after a pipeline')
    same('stream', written, `AB${n}`)

    same('flag', throughline.flags.value('whose'), `flag of ${poison(tenant)}`)
    const { limit } = await throughline.limits.consume('api')
    same('limit', limit, 1_000 + TENANTS.indexOf(tenant))
    check('after the limit')
    same('config', throughline.config.get('motto'), `config of ${poison(tenant)}`)
    await throughline.usage.record('units', n + 1, { key: `request ${n}` })
    check('after the usage')
    await throughline.audit.record({ action: 'work.done', metadata: { n, marker: poison(tenant) } })
    check('after the event')
    await delay(Math.random() * 10)

    await stack.pass(n)
    check('after all were inside')
    bus.emit(`call:${(n + 1) % REQUESTS}`)
    check('after emitting')
    if (n % 37 === 0) throw new Error(`thrown for ${poison(tenant)}`)
    await throughline.run({ tenant, actor: { id: user } }, async () => {
      await turn()
      check('in a nested run')
    })
    check('after a nested run')
    response.json({ tenant: currentTenant().id, n, marker: poison(currentTenant().id) })
  }

  const app = (): Express => {
    const built = express()
    built.set('env', 'test')
    built.use(requestAudit(throughline), login(), express.json())
    built.use(
      tenantContext<LoggedIn>(throughline, {
        tenant: [fromSubdomain('example.com'), (request) => request.user?.orgId],
        actor: async (request) => {
          await delay(Math.random() * 5)
          return request.user
        },
      }),
    )
    built.post('/work', guard(rateLimit('guarded' as never)), work)
    built.use(problemDetails())
    return built
  }

  beforeAll(async () => {
    throughline = open()
    await throughline.platform.run({ actor: { id: 'auditor' }, reason: 'set up' }, async (platform) => {
      for (const id of TENANTS) await platform.tenants.create({ id, plan: id })
    })
    for (const tenant of TENANTS) {
      await throughline.run({ tenant, actor: { id: 'auditor' } }, () =>
        throughline.config.set({ motto: `config of ${poison(tenant)}` }),
      )
    }
    served = await Served.open(app(), { connections: REQUESTS })
    answers = await Promise.all(
      Array.from({ length: REQUESTS }, (_, n) => {
        const tenant = TENANTS[n % TENANTS.length] as string
        const headers = { host: `${tenant}.example.com`, 'x-user': `u${n % USERS}@${tenant}` }
        return served.send('/work', { method: 'POST', headers, body: { n, tenant } })
      }),
    )
    await until(() => finished.length === REQUESTS)
  }, 60_000)

  afterAll(async () => {
    await served.close()
    await throughline.close()
  })

  it('never see the tenant or the actor of another, wherever they look', () => {
    expect(wrong).toEqual([])
    expect(finishListeners).toBe(REQUESTS)
    expect(checks).toBeGreaterThan(REQUESTS * 15)
  })

  it('were interleaved: all were inside at once, and the first to enter left last', () => {
    expect(new Set(finished).size).toBe(REQUESTS)
    expect(stack.entered).toHaveLength(REQUESTS)
    expect(finished.at(-1)).toBe(stack.entered[0])
    expect(finished[0]).not.toBe(stack.entered[0])
    expect(heard).toBe(REQUESTS)
  })

  it('answer each its own tenant, and a thrown error no other', () => {
    answers.forEach(({ status, text }, n) => {
      const tenant = TENANTS[n % TENANTS.length] as string
      expect(foreign(tenant, text)).toEqual([])
      if (n % 37 === 0) expect(status).toBe(500)
      else
        expect({ status, body: JSON.parse(text) }).toEqual({ status: 200, body: { tenant, n, marker: poison(tenant) } })
    })
  })

  it('leave on each timeline what their own tenant did, and nothing of another’s', async () => {
    for (const [i, tenant] of TENANTS.entries()) {
      const events = await trailOf(throughline, tenant)
      expect(foreign(tenant, JSON.stringify(events))).toEqual([])
      const mine = Array.from({ length: REQUESTS }, (_, n) => n).filter((n) => n % TENANTS.length === i)
      const done = events.filter(({ action }) => action === 'work.done').map(({ metadata }) => metadata.n as number)
      expect(done.sort((a, b) => a - b)).toEqual(mine)
      const handled = events.filter(({ action }) => action === 'request.handled')
      const failed = handled.filter(({ outcome }) => outcome === 'failure')
      expect(handled).toHaveLength(mine.length)
      expect(failed).toHaveLength(mine.filter((n) => n % 37 === 0).length)
      expect(events.filter(({ action }) => action === 'error')).toHaveLength(failed.length)
    }
  })

  it('count each for its own tenant', async () => {
    for (const [i, tenant] of TENANTS.entries()) {
      const mine = Array.from({ length: REQUESTS }, (_, n) => n).filter((n) => n % TENANTS.length === i)
      await throughline.run({ tenant, actor: { id: 'auditor' } }, async () => {
        const quantity = mine.reduce((sum, n) => sum + n + 1, 0)
        expect((await throughline.usage.totals()).totals).toEqual([{ meter: 'units', quantity, count: mine.length }])
        const { remaining } = await throughline.limits.consume('api')
        expect(remaining).toBe(1_000 + i - mine.length - 1)
      })
    }
  })

  it('leave nothing of a tenant on the operator’s trail', async () => {
    expect(JSON.stringify(await trailOf(throughline))).not.toMatch(/<<t\d+>>/)
  })
})

it('one user in two tenants at once is two contexts', async () => {
  const throughline = createThroughline({ storage: memoryStorage() })
  const built = express()
  built.use(login())
  built.use(tenantContext<LoggedIn>(throughline, { tenant: (r) => r.user?.orgId, actor: (r) => r.user }))
  const both = new Stack(2)
  built.get('/tab', async (_request, response) => {
    const before = currentTenant().id
    await both.pass(0)
    await throughline.audit.record({ action: 'tab.used', metadata: { marker: poison(before) } })
    response.json([before, currentTenant().id, currentContext().actor.id])
  })
  const served = await Served.open(built)
  try {
    const tab = (tenant: string) => served.send('/tab', { headers: { 'x-user': `ada@${tenant}` } })
    for (let i = 0; i < 20; i++) {
      const [one, two] = await Promise.all([tab('t1'), tab('t2')])
      expect(JSON.parse(one.text)).toEqual(['t1', 't1', 'ada'])
      expect(JSON.parse(two.text)).toEqual(['t2', 't2', 'ada'])
    }
    for (const tenant of ['t1', 't2']) {
      const events = await trailOf(throughline, tenant)
      expect(events.filter(({ action }) => action === 'tab.used')).toHaveLength(20)
      expect(foreign(tenant, JSON.stringify(events))).toEqual([])
    }
  } finally {
    await served.close()
    await throughline.close()
  }
})
