import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultyRecords } from '../../../../test/faulty-records.ts'
import type { Guard } from '../../src/index.ts'
import {
  background,
  checkGuards,
  createThroughline,
  currentContext,
  guarded,
  memoryStorage,
  meter,
  perMinute,
  quotaPerMonth,
  rateLimit,
  requireFlag,
  requirePlan,
  requireRole,
  strict,
} from '../../src/index.ts'

const START = 1_770_000_000_000
let now = START
const clock = { now: () => now }

const catalog = {
  flags: { beta: { default: false, rules: [{ if: { 'org.plan': 'pro' }, serve: true }] } },
  limits: { api: perMinute(2) },
  meters: { reports: { aggregate: 'count' } },
  plans: { free: { quotas: { reports: quotaPerMonth(1, { hard: true }) } }, pro: {} },
} as const

const warned: string[] = []
const open = (records = new FaultyRecords()) =>
  createThroughline({
    catalog,
    clock,
    tenants: 'ours',
    storage: { records },
    journal: { spill: false },
    logger: { warn: (message) => void warned.push(message) },
  })

let records: FaultyRecords
let throughline: ReturnType<typeof open>
const operator = { actor: { id: 'operator' }, reason: 'test' }

beforeEach(async () => {
  now = START
  warned.length = 0
  records = new FaultyRecords(memoryStorage().records)
  throughline = open(records)
  await throughline.platform.run(operator, async (platform) => {
    await platform.tenants.create({ id: 'acme', plan: 'free' })
    await platform.tenants.create({ id: 'globex', plan: 'pro' })
  })
})
afterEach(async () => {
  records.heal()
  await throughline.close()
})

const as = <R>(tenant: string, fn: () => R | Promise<R>, roles: string[] = []): Promise<R> =>
  throughline.run({ tenant, actor: { id: 'ada', roles } }, fn)
const code = (promise: unknown): Promise<string> =>
  Promise.resolve(promise).then(
    () => 'passed',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )
const trail = async (tenant: string, action: string) =>
  (await throughline.platform.run(operator, (platform) => platform.audit.list({ tenant, action }))).events

/** A guard that logs, and waits where it is asked to. */
function step(log: string[], name: string, { refuses = false, waits = false } = {}): Guard {
  const hold = {
    keep: () => void log.push(`keep ${name}`),
    release: async () => {
      await Promise.resolve()
      log.push(`release ${name}`)
    },
  }
  return {
    name,
    check() {
      log.push(`check ${name}`)
      if (refuses && !waits) throw new Error(`${name} refuses`)
      if (!waits) return hold
      return new Promise((resolve) => setImmediate(resolve)).then(() => {
        if (refuses) throw new Error(`${name} refuses`)
        log.push(`checked ${name}`)
        return hold
      })
    },
  }
}

describe('guards of a function', () => {
  it('run in order, one after another, whether they answer at once or not', async () => {
    const log: string[] = []
    const fn = guarded(
      () => log.push('run'),
      step(log, 'a', { waits: true }),
      step(log, 'b'),
      step(log, 'c', { waits: true }),
    )
    await as('acme', fn)
    expect(log).toEqual([
      'check a',
      'checked a',
      'check b',
      'check c',
      'checked c',
      'run',
      'keep a',
      'keep b',
      'keep c',
    ])
  })

  it('give back what they reserved when a later one refuses, and nothing runs', async () => {
    for (const waits of [false, true]) {
      const log: string[] = []
      const fn = guarded(
        () => log.push('run'),
        step(log, 'a'),
        step(log, 'b', { refuses: true, waits }),
        step(log, 'c'),
      )
      expect(await code(as('acme', fn))).toBe('b refuses')
      expect(log).toEqual(['check a', 'check b', 'release a'])
    }
  })

  it('give back what they reserved when the function throws or rejects', async () => {
    for (const fails of [
      () => {
        throw new Error('failed')
      },
      () => Promise.reject(new Error('failed')),
    ]) {
      const log: string[] = []
      expect(await code(as('acme', guarded(fails as () => Promise<void>, step(log, 'a'), step(log, 'b'))))).toBe(
        'failed',
      )
      expect(log.slice(0, 2)).toEqual(['check a', 'check b'])
      expect(log.slice(2).sort()).toEqual(['release a', 'release b'])
    }
  })

  it('let nothing pass by an answer that is none of a guard’s, and give back what was taken', async () => {
    for (const answer of [false, true, null, 'no', {}, { keep: () => undefined }]) {
      for (const given of [answer, Promise.resolve(answer)]) {
        const log: string[] = []
        const own = { name: 'own', check: () => given } as unknown as Guard
        const call = guarded(() => log.push('called'), step(log, 'a'), own)
        await expect(as('acme', call), String(answer)).rejects.toThrow(/OPTIONS_INVALID: The guard "own" answered/)
        expect(log).toEqual(['check a', 'release a'])
      }
    }
  })

  it('wait for whatever can be waited for', async () => {
    const refusing: PromiseLike<undefined> = Object.freeze({
      // biome-ignore lint/suspicious/noThenProperty: as a query builder has it
      then: (_: unknown, refuse: (error: Error) => never) => refuse(new Error('not yours')),
    })
    const own = { name: 'own', check: () => refusing } as unknown as Guard
    expect(
      await code(
        as(
          'acme',
          guarded(() => 'passed', own),
        ),
      ),
    ).toBe('not yours')
  })

  it('are all decided, even when deciding one of them fails', async () => {
    const log: string[] = []
    const broken: Guard = {
      name: 'broken',
      check: () => ({
        keep: () => {
          throw new Error('keep failed')
        },
        release: () => undefined,
      }),
    }
    expect(
      await code(
        as(
          'acme',
          guarded(() => 'done', broken, step(log, 'a')),
        ),
      ),
    ).toBe('keep failed')
    expect(log).toEqual(['check a', 'keep a'])
  })

  it('pass this, parameters and result on', async () => {
    const service = {
      factor: 2,
      twice: guarded(function (this: { factor: number }, n: number) {
        return n * this.factor
      }, requireRole('admin')),
    }
    expect(await as('acme', () => service.twice(21), ['admin'])).toBe(42)
  })
})

describe('each guard', () => {
  const guards = () => throughline.guards

  it('requireFlag: 404 as if it were not there, recorded', async () => {
    expect(
      await code(
        as(
          'globex',
          guarded(() => 1, guards().requireFlag('beta')),
        ),
      ),
    ).toBe('passed')
    expect(
      await code(
        as(
          'acme',
          guarded(() => 1, guards().requireFlag('beta')),
        ),
      ),
    ).toBe('FLAG_OFF')
    expect(await trail('acme', 'flag.refused')).toMatchObject([{ outcome: 'refused', metadata: { code: 'FLAG_OFF' } }])
    expect(await trail('globex', 'flag.refused')).toEqual([])
  })

  it('rateLimit: 429 with Retry-After, of the tenant alone', async () => {
    const call = guarded(() => 1, guards().rateLimit('api'))
    expect(await code(as('acme', call))).toBe('passed')
    expect(await code(as('acme', call))).toBe('passed')
    const error = await as('acme', call).catch((refused: unknown) => refused)
    expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', status: 429 })
    expect((error as { headers: Record<string, string> }).headers['Retry-After']).toMatch(/^\d+$/)
    expect(await code(as('globex', call))).toBe('passed')
    expect(await trail('acme', 'limit.refused')).toHaveLength(1)
  })

  it('meter: takes a hard quota before the call and gives it back when the call fails', async () => {
    const fails = guarded(() => Promise.reject(new Error('failed')), guards().meter('reports'))
    const works = guarded(() => 1, guards().meter('reports'))
    expect(await code(as('acme', fails))).toBe('failed')
    expect(await code(as('acme', works))).toBe('passed')
    expect(await code(as('acme', works))).toBe('QUOTA_EXCEEDED')
    const totals = (tenant: string) => as(tenant, async () => (await throughline.usage.totals()).totals[0]?.quantity)
    expect(await totals('acme')).toBe(1)
    for (let i = 0; i < 3; i++) expect(await code(as('globex', works))).toBe('passed')
    expect(await code(as('globex', fails))).toBe('failed')
    expect(await totals('globex')).toBe(3)
  })

  it('meter: never admits two calls at once to the last unit', async () => {
    let inside = 0
    const call = guarded(async () => {
      inside += 1
      await new Promise((resolve) => setImmediate(resolve))
    }, guards().meter('reports'))
    const answers = await Promise.all(Array.from({ length: 20 }, () => code(as('acme', call))))
    expect(answers.filter((answer) => answer === 'passed')).toHaveLength(1)
    expect(inside).toBe(1)
  })

  it('requireRole and requirePlan: 403, recorded', async () => {
    const admin = guarded(() => 1, requireRole('admin', 'owner'))
    expect(await code(as('acme', admin, ['owner']))).toBe('passed')
    expect(await code(as('acme', admin, ['viewer']))).toBe('ROLE_REQUIRED')
    expect(await code(as('acme', admin))).toBe('ROLE_REQUIRED')
    const pro = guarded(() => 1, guards().requirePlan('pro'))
    expect(await code(as('globex', pro))).toBe('passed')
    expect(await code(as('acme', pro))).toBe('PLAN_REQUIRED')
    // Equal refusals of one minute are one event.
    expect(await trail('acme', 'auth.refused')).toMatchObject([{ count: 2 }])
    expect(await trail('acme', 'plan.refused')).toHaveLength(1)
  })

  it('strict: refuses before the call while records do not reach the journal', async () => {
    let ran = 0
    const call = guarded(() => {
      ran += 1
    }, strict())
    expect(await code(as('acme', call))).toBe('passed')
    records.break('fail', 'append')
    // This one's record is kept and tried again.
    expect(await code(as('acme', () => undefined))).toBe('OUTCOME_UNKNOWN')
    expect(await code(as('acme', call))).toBe('RECORDS_UNAVAILABLE')
    expect(ran).toBe(1)
    records.heal()
    expect(await code(as('acme', () => undefined))).toBe('passed')
    expect(await code(as('acme', call))).toBe('passed')
    expect(ran).toBe(2)
  })

  it('of an engine that the catalog lacks says which part to add', async () => {
    const bare = createThroughline()
    try {
      const inside = (guard: Guard) => bare.run({ tenant: 'acme', actor: { id: 'ada' } }, () => checkGuards([guard]))
      const missing = { flags: requireFlag('x' as never), limits: rateLimit('x' as never), meters: meter('x' as never) }
      for (const [part, guard] of Object.entries(missing)) {
        await expect(inside(guard), part).rejects.toThrow(`the catalog has no "${part}"`)
      }
      await inside(background())
      expect(await code(inside(requirePlan('pro' as never)))).toBe('PLAN_REQUIRED')
    } finally {
      await bare.close()
    }
  })

  it('with a name that the catalog lacks says which it has', async () => {
    const misspelt = [requireFlag('betta' as never), rateLimit('appi' as never), meter('report' as never)]
    const messages = await Promise.all(
      misspelt.map((guard) => as('globex', () => checkGuards([guard])).catch((error: Error) => error.message)),
    )
    for (const [i, name] of ['beta', 'api', 'reports'].entries())
      expect(messages[i]).toContain(`Did you mean "${name}"?`)
  })
})

describe('what can’t be given back', () => {
  const stuck: Guard = {
    name: 'stuck',
    check: () => ({
      keep: () => undefined,
      release() {
        throw new Error('out of reach')
      },
    }),
  }
  const broken = (): never => {
    throw new Error('broken')
  }

  it.each<[string, string, (log: string[]) => unknown]>([
    [
      'a later guard’s refusal',
      'last refuses',
      (log) => guarded(() => undefined, stuck, step(log, 'other'), step(log, 'last', { refuses: true }))(),
    ],
    ['the failure of a guarded function', 'broken', (log) => guarded(broken, stuck, step(log, 'other'))()],
    [
      'the failure of a context',
      'broken',
      async (log) => {
        await checkGuards([stuck, step(log, 'other')])
        broken()
      },
    ],
  ])('hides not %s, and keeps nothing else', async (_what, failure, fails) => {
    const log: string[] = []
    expect(await code(as('acme', () => fails(log)))).toBe(failure)
    expect(log.at(-1)).toBe('release other')
    expect(warned).toEqual(['throughline: Error: out of reach'])
  })
})

describe('guards that are checked at the same time in one context', () => {
  it('give back their own when one refuses, and no other’s', async () => {
    const log: string[] = []
    await as('acme', async () => {
      const refused = checkGuards([step(log, 'a', { waits: true }), step(log, 'b', { refuses: true })])
      await checkGuards([step(log, 'c')])
      expect(await code(refused)).toBe('b refuses')
      expect(log.filter((line) => line.startsWith('release'))).toEqual(['release a'])
    })
    expect(log.at(-1)).toBe('keep c')
  })

  it('keep or give back at once what they get when the context has ended', async () => {
    for (const [fails, last] of [
      [false, 'keep late'],
      [true, 'release late'],
    ] as const) {
      const log: string[] = []
      let checked: unknown
      const run = as('acme', () => {
        checked = checkGuards([step(log, 'late', { waits: true })])
        if (fails) throw new Error('broken')
      })
      await code(run)
      await checked
      expect(log.at(-1)).toBe(last)
    }
  })
})

describe('a long context looks again at its next guard', () => {
  const checkpoint = requireRole('admin')

  it('and ends where its tenant was suspended', async () => {
    const refused = as('acme', async () => {
      await throughline.platform.run(operator, (platform) => platform.tenants.suspend('acme'))
      await checkGuards([checkpoint])
      now += 2_001
      await checkGuards([checkpoint])
    }, ['admin'])
    expect(await code(refused)).toBe('TENANT_SUSPENDED')
    expect(await trail('acme', 'auth.refused')).toMatchObject([{ metadata: { code: 'TENANT_SUSPENDED' } }])
  })

  it('and sees a kill switch, a new plan and a new limit', async () => {
    await as('globex', async () => {
      await checkGuards([requireFlag('beta' as never)])
      await throughline.platform.run(operator, async (platform) => {
        await platform.flags.define('beta', { default: false })
        await platform.tenants.changePlan('globex', 'free')
      })
      await checkGuards([requireFlag('beta' as never)])
      expect(currentContext().tenant.plan).toBe('pro')
      now += 2_001
      expect(await code(Promise.resolve().then(() => checkGuards([requireFlag('beta' as never)])))).toBe('FLAG_OFF')
      expect(currentContext().tenant.plan).toBe('free')
    })
  })
})
