import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { FaultyRecords } from '../../../../test/faulty-records.ts'
import { until } from '../../../../test/until.ts'
import { memoryStorage } from '../../src/storage/index.ts'
import { TenantState, tenantFromRow } from '../../src/tenants/index.ts'
import type { Tenant } from '../../src/vocabulary.ts'

const START = 1_770_000_000_000
const MAX_STALE = 300_000

interface Snapshot {
  readonly tenant: Tenant
  readonly version: number
  readonly platform: number
  readonly stale: boolean
}

type Answer = Tenant | undefined | Promise<Tenant | undefined>

let now = START
let inner: ReturnType<typeof memoryStorage>['records']

beforeEach(async () => {
  now = START
  inner = memoryStorage().records
  await inner.open({ kinds: ['tenants'], usage: false, migrate: 'auto', durability: 'process', now: () => now })
})

/** One process of several that share a storage; it sees others' changes when it polls. */
class Process {
  readonly records: FaultyRecords = new FaultyRecords(inner)
  readonly failures: unknown[] = []
  readonly changed: string[] = []
  readonly state: TenantState<Snapshot>

  constructor({ loadsFromApp = false, max = 100, answers = (found: Tenant | undefined): Answer => found } = {}) {
    this.state = new TenantState<Snapshot>({
      records: this.records,
      tenantKinds: ['tenants'],
      platformKinds: ['flags'],
      loadsFromApp,
      max,
      maxStaleMs: MAX_STALE,
      now: () => now,
      tenant: (id, documents) => answers(documents[0] && tenantFromRow({ id, ...(documents[0].value as object) })),
      snapshot: (tenant, _documents, version, platform) => {
        return { tenant, version, platform: platform.version, stale: false }
      },
      onChange: (id) => this.changed.push(id),
      onFailure: (error) => this.failures.push(error),
    })
  }

  async start(): Promise<this> {
    await this.state.start()
    this.state.stop()
    return this
  }

  /** Commits a change as the process's own. */
  async write(id: string, plan: string | null): Promise<void> {
    const value = plan === null ? null : { plan }
    const writes = [{ kind: 'tenants' as const, tenant: id, key: '', value }]
    await this.records.commit({ writer: 'w', lane: 0, writes, quotas: [], body: '[]' })
    await this.state.changed(id)
  }

  /** The plan as a context entered now would have it; `undefined` if there is no such tenant. */
  async plan(id: string): Promise<string | undefined> {
    return (await this.state.get(id))?.tenant.plan
  }

  reads(): number {
    return this.records.calls.get('read') ?? 0
  }
}

/** Another process changes what is everybody's. */
async function definePlatform({ records }: Process): Promise<void> {
  const writes = [{ kind: 'flags' as const, tenant: '$platform', key: 'beta', value: { default: true } }]
  await records.commit({ writer: 'w', lane: 0, writes, quotas: [], body: '[]' })
}

describe('a change', () => {
  it('is seen at once by the process that made it', async () => {
    const here = await new Process().start()
    expect(await here.plan('acme')).toBeUndefined()
    await here.write('acme', 'free')
    expect(await here.plan('acme')).toBe('free')
    await here.write('acme', 'pro')
    expect(await here.plan('acme')).toBe('pro')
    await here.write('acme', null)
    expect(await here.plan('acme')).toBeUndefined()
  })

  it('is seen by another process at its next look, with what else it kept of the tenant', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    expect(await there.plan('acme')).toBe('free')
    await here.write('acme', 'pro')
    now += 500
    expect(await there.plan('acme')).toBe('free')
    await there.state.poll()
    expect(await there.plan('acme')).toBe('pro')
    expect(there.changed).toEqual(['acme'])
  })

  it('is seen within 2 s even by a process that does not get to look', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 1_500 }) }),
            fc.record({
              type: fc.constantFrom('write' as const, 'read' as const, 'poll' as const),
              ms: fc.constant(0),
            }),
          ),
          { maxLength: 60 },
        ),
        fc.boolean(),
        async (steps, loadsFromApp) => {
          const [here, there] = [await new Process().start(), await new Process({ loadsFromApp }).start()]
          /** Plans by when they were committed. */
          const written: { at: number; plan: string }[] = []
          for (const step of steps) {
            if (step.type === 'wait') now += step.ms
            else if (step.type === 'poll') await there.state.poll()
            else if (step.type === 'write') {
              written.push({ at: now, plan: String(written.length) })
              await here.write('acme', String(written.length - 1))
            } else {
              const mustSee = written.filter(({ at }) => now - at > 2_000).length - 1
              const seen = Number((await there.plan('acme')) ?? -1)
              expect(seen).toBeGreaterThanOrEqual(mustSee)
              // What a renewal in the background finds belongs to the next reader.
              await Promise.resolve()
            }
          }
          await here.write('acme', null)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is found after an outage, however long it lasted', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    expect(await there.plan('acme')).toBe('free')
    await there.state.poll()
    there.records.break('fail', 'versions')
    now += 1_000
    await here.write('acme', 'pro')
    // Longer than changes are looked back for, shorter than a sweep of all that is cached.
    for (let i = 0; i < 45; i++) {
      now += 1_000
      await expect(there.state.poll()).rejects.toThrow()
    }
    there.records.heal()
    await there.state.poll()
    there.records.break('fail', 'read')
    expect(await there.plan('acme').catch(() => 'refused')).not.toBe('free')
  })

  it('of the platform is everybody’s', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    await there.plan('acme')
    const before = there.reads()
    await definePlatform(here)
    await there.state.poll()
    // The platform's own documents, and then the tenant's snapshot anew.
    await until(async () => {
      await there.plan('acme')
      return there.reads() >= before + 2
    })
  })

  it('of the platform is seen within 2 s even by a process that does not get to look', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    expect((await there.state.get('acme'))?.platform).toBe(0)
    await definePlatform(here)
    now += 2_001
    expect((await there.state.get('acme'))?.platform).toBe(1)
    // What was loaded together with it is cached.
    const before = there.reads()
    await there.state.get('acme')
    expect(there.reads()).toBe(before)
  })

  it('of the platform is seen within 2 s although a look-up that began before it takes longer', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    now += 2_001
    there.records.break('late', 'read')
    const slow = there.state.get('acme')
    await until(() => there.records.hanging === 1)
    await definePlatform(here)
    now += 2_001
    const entered = there.state.get('acme')
    there.records.heal()
    expect(await entered).toMatchObject({ platform: 1 })
    await slow
  })

  it('of the platform that can not be read yet leaves nothing confirmed', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    await there.plan('acme')
    await definePlatform(here)
    there.records.break('fail', 'read')
    now += 1_500
    await expect(there.state.poll()).rejects.toThrow()
    now += 1_000
    expect(await there.state.get('acme')).toMatchObject({ platform: 0, stale: true })
    there.records.heal()
    await there.state.poll()
    expect(await there.state.get('acme')).toMatchObject({ platform: 1, stale: false })
  })

  it('after others were lost with the database that had them is seen as any other is', async () => {
    const [lost, kept] = [inner, memoryStorage().records]
    await kept.open({ kinds: ['tenants'], usage: false, migrate: 'auto', durability: 'process', now: () => now })
    let database = lost
    inner = new Proxy(lost, {
      get(_, name) {
        const member: unknown = Reflect.get(database, name, database)
        return typeof member === 'function' ? member.bind(database) : member
      },
    })
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    await here.write('acme', 'pro')
    await definePlatform(here)
    await definePlatform(here)
    await there.state.poll()
    expect(await there.state.get('acme')).toMatchObject({ tenant: { plan: 'pro' }, platform: 2 })
    database = kept
    await here.write('acme', 'free')
    await definePlatform(here)
    await there.state.poll()
    expect(await there.state.get('acme')).toMatchObject({ tenant: { plan: 'free' }, platform: 1 })
    await here.write('acme', 'enterprise')
    await definePlatform(here)
    await there.state.poll()
    expect(await there.state.get('acme')).toMatchObject({ tenant: { plan: 'enterprise' }, platform: 2 })
  })

  it('of the platform that is read twice at a time is the newer one, whichever is answered first', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    const answers: (() => void)[] = []
    there.records.read = async (query) => {
      const found = await inner.read(query)
      await new Promise<void>((answer) => answers.push(answer))
      return found
    }
    await definePlatform(here)
    const first = there.state.changed('$platform')
    await until(() => answers.length === 1)
    await definePlatform(here)
    const second = there.state.changed('$platform')
    await until(() => answers.length === 2)
    answers[1]?.()
    await second
    answers[0]?.()
    await first
    expect(there.state.platform.version).toBe(2)
  })

  it('of the platform leaves the last known state to stand in', async () => {
    const here = await new Process().start()
    await here.write('acme', 'free')
    await here.plan('acme')
    await definePlatform(here)
    await here.state.changed('$platform')
    here.records.break('fail', 'read', 'versions')
    expect(await here.state.get('acme')).toMatchObject({ tenant: { plan: 'free' }, stale: true })
  })

  it('is seen within 2 s although a look-up that began before it takes longer, by those who join it and after it', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    there.records.break('late', 'read')
    const slow = there.plan('acme')
    await until(() => there.records.hanging === 1)
    await here.write('acme', 'pro')
    for (let second = 0; second < 3; second++) {
      now += 1_000
      await there.state.poll()
    }
    const joined = there.plan('acme')
    there.records.heal()
    expect([await slow, await joined, await there.plan('acme')]).toEqual(['free', 'pro', 'pro'])
  })

  it('is seen although the others were compared while its tenant was looked up', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    there.records.break('late', 'read')
    const slow = there.plan('acme')
    await until(() => there.records.hanging === 1)
    await here.write('acme', 'pro')
    now += 3_000
    await there.state.poll()
    there.records.heal()
    expect([await slow, await there.plan('acme')]).toEqual(['free', 'pro'])
  })

  it('is not undone by a look-up that began before it', async () => {
    const here = await new Process().start()
    await here.write('acme', 'free')
    here.records.break('late', 'read')
    const slow = here.plan('acme')
    await until(() => here.records.hanging === 1)
    const writes = [{ kind: 'tenants' as const, tenant: 'acme', key: '', value: { plan: 'pro' } }]
    await here.records.commit({ writer: 'w', lane: 0, writes, quotas: [], body: '[]' })
    await here.state.changed('acme')
    here.records.heal()
    expect(await slow).toBe('free')
    expect(await here.plan('acme')).toBe('pro')
  })
})

describe('while the database does not answer', () => {
  const cached = async () => {
    const here = await new Process().start()
    await here.write('acme', 'free')
    expect(await here.plan('acme')).toBe('free')
    return here
  }

  it('the last known state stands in, marked, up to its bound; then it is refused with 503', async () => {
    const here = await cached()
    here.records.break('fail', 'read', 'versions')
    now += 2_001
    expect(await here.state.get('acme')).toMatchObject({ tenant: { plan: 'free' }, stale: true })
    now = START + MAX_STALE
    expect(await here.plan('acme')).toBe('free')
    now += 1
    await expect(here.state.get('acme')).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE', status: 503 })
    here.records.heal()
    expect(await here.state.get('acme')).toMatchObject({ stale: false })
    expect(here.failures.length).toBeGreaterThan(0)
  })

  it('the bound counts from when it was last known to be current, not from when it was loaded', async () => {
    const here = await cached()
    for (let i = 0; i < 1_000; i++) {
      now += 1_000
      await here.state.poll()
    }
    expect(here.reads()).toBeLessThan(5)
    here.records.break('fail', 'read', 'versions')
    now += MAX_STALE
    expect(await here.state.get('acme')).toMatchObject({ tenant: { plan: 'free' }, stale: true })
    now += 1
    await expect(here.state.get('acme')).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE' })
  })

  it('it is refused with what the database says, also where it is silent for a while first', async () => {
    const here = await cached()
    here.records.break('fail', 'read', 'versions')
    now += 2_001
    expect(await here.state.get('acme')).toMatchObject({ stale: true })
    now = START + MAX_STALE + 1
    here.records.break('hang', 'read')
    const refused = here.state.get('acme')
    setTimeout(() => here.records.break('fail', 'read'), 100)
    await expect(refused).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE', status: 503 })
    here.records.break('hang', 'read')
    const answered = here.state.get('acme')
    setTimeout(() => here.records.heal(), 100)
    expect(await answered).toMatchObject({ tenant: { plan: 'free' }, stale: false })
  })

  it('what stood in is renewed by look-ups that take longer than 2 s each, whoever asks meanwhile', async () => {
    const process = await new Process().start()
    await process.write('acme', 'free')
    await process.plan('acme')
    process.records.break('fail', 'read', 'versions')
    now += 2_001
    expect(await process.state.get('acme')).toMatchObject({ stale: true })
    process.records.heal()
    const answers: (() => void)[] = []
    process.records.read = async (query) => {
      const found = await inner.read(query)
      if (query.tenant === 'acme') await new Promise<void>((answer) => answers.push(answer))
      return found
    }
    for (let asked = 0; asked < 3; asked++) {
      expect(await process.state.get('acme')).toMatchObject({ stale: true })
      now += 2_001
    }
    expect(answers).toHaveLength(3)
    for (const at of [1, 0]) {
      answers[at]?.()
      await setImmediate()
      now += 1
      await process.state.poll()
      expect(await process.state.get('acme')).toMatchObject({ stale: false })
    }
    answers[2]?.()
  })

  it('an answer that comes after that of a look-up which began later replaces nothing', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    there.records.break('late', 'read')
    const slow = there.plan('acme')
    await until(() => there.records.hanging === 1)
    await here.write('acme', 'pro')
    now += 2_001
    const answer = there.records.read
    there.records.read = (query) => inner.read(query)
    expect(await there.plan('acme')).toBe('pro')
    there.records.read = answer
    there.records.heal()
    expect(await slow).toBe('free')
    there.records.break('fail', 'read', 'versions')
    now += 2_001
    expect(await there.state.get('acme')).toMatchObject({ tenant: { plan: 'pro' }, stale: true })
  })

  it('one that comes before it is followed by it', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    there.records.break('late', 'read')
    const slow = there.plan('acme')
    await until(() => there.records.hanging === 1)
    await here.write('acme', 'pro')
    now += 2_001
    await there.state.poll()
    const later = there.plan('acme')
    await until(() => there.records.hanging === 2)
    there.records.heal()
    expect([await slow, await later]).toEqual(['free', 'pro'])
    expect(there.state.get('acme')).toMatchObject({ tenant: { plan: 'pro' } })
  })

  it('an app that never answers keeps nobody waiting for ever', async () => {
    let isSilent = false
    const never = new Promise<undefined>(() => undefined)
    const process = await new Process({ loadsFromApp: true, answers: (found) => (isSilent ? never : found) }).start()
    await process.write('acme', 'free')
    await process.plan('acme')
    isSilent = true
    now += 2_001
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const asked = [process.state.get('acme'), Promise.resolve(process.state.get('globex')).catch(String)]
      while (vi.getTimerCount() < 2) await setImmediate()
      vi.advanceTimersByTime(10_000)
      const [stoodIn, refused] = await Promise.all(asked)
      expect(stoodIn).toMatchObject({ tenant: { plan: 'free' }, stale: true })
      expect(refused).toContain('did not answer within')
    } finally {
      vi.useRealTimers()
    }
  })

  it('an answer that comes later than anything may stand in is nobody else’s', async () => {
    const process = await new Process().start()
    await process.write('acme', 'free')
    process.records.break('late', 'read')
    const slow = process.plan('acme')
    await until(() => process.records.hanging === 1)
    now += MAX_STALE + 1
    const other = process.plan('globex')
    await until(() => process.records.hanging === 2)
    process.records.heal()
    expect(await slow).toBe('free')
    await other
    expect(process.state.confirmedAt('acme')).toBeUndefined()
  })

  it('what stands in does not come back over a change', async () => {
    const here = await cached()
    here.records.break('fail', 'read')
    now += 2_001
    expect(await here.state.get('acme')).toMatchObject({ stale: true })
    here.records.break('hang', 'read')
    const before = here.state.get('acme')
    await until(() => here.records.hanging === 1)
    await here.write('acme', 'pro')
    expect(await before).toMatchObject({ tenant: { plan: 'free' }, stale: true })
    const after = here.plan('acme')
    setTimeout(() => here.records.heal(), 100)
    expect(await after).toBe('pro')
  })

  it('a tenant that is not cached is refused with 503, and not taken for unknown', async () => {
    const here = await cached()
    here.records.break('fail', 'read')
    await expect(here.state.get('globex')).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE' })
    here.records.heal()
    await here.write('globex', 'pro')
    expect(await here.plan('globex')).toBe('pro')
  })
})

describe('the cache', () => {
  it('answers at once, and asks the storage once for callers that come together', async () => {
    const here = await new Process().start()
    await here.write('acme', 'free')
    const before = here.reads()
    await Promise.all(Array.from({ length: 100 }, () => here.plan('acme')))
    expect(here.reads()).toBe(before + 1)
    expect(here.state.get('acme')).not.toBeInstanceOf(Promise)
    expect(here.state.get('acme')).toBe(here.state.get('acme'))
  })

  it('loads a tenant anew once for all who ask while that was begun for others, with what was there when they asked', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    await there.plan('acme')
    const before = there.reads()
    there.records.break('late', 'read')
    const first = there.state.reload('acme')
    await until(() => there.records.hanging === 1)
    await here.write('acme', 'pro')
    const others = Array.from({ length: 100 }, () => there.state.reload('acme'))
    await setImmediate()
    expect(there.records.hanging).toBe(1)
    there.records.heal()
    expect(await first).toMatchObject({ tenant: { plan: 'free' } })
    for (const other of await Promise.all(others)) expect(other).toMatchObject({ tenant: { plan: 'pro' } })
    expect(there.reads()).toBe(before + 2)
    expect(there.records.calls.get('versions')).toBeLessThanOrEqual(3)
    // Whoever asks now is after all of them.
    await here.write('acme', 'enterprise')
    expect(await there.state.reload('acme')).toMatchObject({ tenant: { plan: 'enterprise' } })
  })

  it('loads a tenant anew although a look-up is under way, which may have begun before what is asked for', async () => {
    const [here, there] = [await new Process().start(), await new Process().start()]
    await here.write('acme', 'free')
    there.records.break('late', 'read')
    const slow = there.plan('acme')
    await until(() => there.records.hanging === 1)
    await here.write('acme', 'pro')
    const reloaded = there.state.reload('acme')
    there.records.heal()
    expect(await reloaded).toMatchObject({ tenant: { plan: 'pro' } })
    expect([await slow, await there.plan('acme')]).toEqual(['free', 'pro'])
  })

  it('answers at once however often a tenant is loaded anew', async () => {
    const process = await new Process({ loadsFromApp: true }).start()
    await process.write('acme', 'free')
    await process.plan('acme')
    const answers: (() => void)[] = []
    process.records.read = async (query) => {
      const found = await inner.read(query)
      if (query.tenant === 'acme') await new Promise<void>((answer) => answers.push(answer))
      return found
    }
    const reloads = [process.state.reload('acme')]
    for (let second = 1; second <= 5; second++) {
      reloads.push(process.state.reload('acme'))
      now += 1_000
      await until(() => answers.length === second)
      answers.at(-1)?.()
      await reloads[second - 1]
      expect(process.state.get('acme')).not.toBeInstanceOf(Promise)
    }
    await until(() => answers.length === 6)
    answers.at(-1)?.()
    await Promise.all(reloads)
  })

  it('remembers who does not exist for 2 s, bounded, and apart from who does', async () => {
    const here = await new Process({ max: 10 }).start()
    await here.write('acme', 'free')
    await here.plan('acme')
    const before = here.reads()
    for (let i = 0; i < 1_000; i++) expect(await here.plan(`made-up-${i}`)).toBeUndefined()
    expect(here.reads()).toBe(before + 1_000)
    expect(await here.plan('made-up-999')).toBeUndefined()
    expect(here.reads()).toBe(before + 1_000)
    // The flood pushed out others of its kind, and no tenant.
    expect(await here.plan('made-up-0')).toBeUndefined()
    expect(here.reads()).toBe(before + 1_001)
    expect(await here.plan('acme')).toBe('free')
    expect(here.reads()).toBe(before + 1_001)
    now += 2_001
    await here.state.poll()
    await here.plan('made-up-999')
    expect(here.reads()).toBe(before + 1_002)
  })

  it('holds at most as many tenants as it may', async () => {
    const here = await new Process({ max: 10 }).start()
    for (let i = 0; i < 50; i++) await here.write(`t${i}`, 'free')
    for (let i = 0; i < 50; i++) await here.plan(`t${i}`)
    const before = here.reads()
    for (let i = 40; i < 50; i++) await here.plan(`t${i}`)
    expect(here.reads()).toBe(before)
    await here.plan('t0')
    expect(here.reads()).toBe(before + 1)
  })
})
