import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { ANONYMOUS } from '../../src/actor.ts'
import type { FlagConditions, FlagRule } from '../../src/catalog/definitions.ts'
import { ThroughlineError } from '../../src/errors.ts'
import { compileFlags } from '../../src/flags/compile-flags.ts'
import { Draw } from '../../src/flags/draw.ts'
import { firstOf, isWithin, RankCounter } from '../../src/flags/rank-bound.ts'
import { RankedTenants } from '../../src/flags/ranked-tenants.ts'
import { createThroughline } from '../../src/index.ts'
import { memoryStorage } from '../../src/storage/index.ts'
import { createTestThroughline } from '../../src/testing/index.ts'
import type { Tenant } from '../../src/vocabulary.ts'
import { turnsWhile } from '../turns.ts'

async function* listed(ids: readonly string[]): AsyncGenerator<{ id: string }> {
  for (const id of ids) yield { id }
}

describe('RankCounter', () => {
  it('lets in the first of all, whatever their order', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 2 })), fc.nat(10), (listed, count) => {
        const ids = [...new Set(listed)]
        const draw = new Draw('s')
        const counter = new RankCounter('s', count)
        for (const id of listed) counter.add(id)
        const { bound } = counter
        const inside = ids.filter((id) => bound !== undefined && isWithin(bound, draw.rank(id), id))
        const sorted = ids.toSorted((a, b) => draw.rank(a) - draw.rank(b) || (a < b ? -1 : 1))
        expect(new Set(inside)).toEqual(new Set(sorted.slice(0, count)))
      }),
    )
  })

  it('tells who the first of those are: as many, for ranks that nobody shares', () => {
    const ids = Array.from({ length: 40 }, (_, i) => `t${i}`)
    const [all, few] = [new RankCounter('s', 12), new RankCounter('s', 5)]
    for (const id of ids) for (const counter of [all, few]) counter.add(id)
    expect(firstOf(all.ranks, 5)?.rank).toBe(few.bound?.rank)
    expect(firstOf(all.ranks, 12)?.rank).toBe(all.bound?.rank)
    expect(firstOf(all.ranks, 13)?.rank).toBe(all.bound?.rank)
    expect(firstOf(new Uint32Array(), 5)).toBeUndefined()
  })
})

describe('RankedTenants', () => {
  it('counts at the start, and what is asked for later, and tells when it changes', async () => {
    let ids = ['a', 'b', 'c', 'd']
    let readings = 0
    let changes = 0
    const ranks = new RankedTenants({
      tenants() {
        readings++
        return listed(ids)
      },
      onChange: () => changes++,
      onFailure: (error) => expect(error).toBeUndefined(),
    })
    const rules = [{ rollout: { exactly: 2 }, serve: true }] as const
    await ranks.start({ f: { rules, default: false } })
    const first = ranks.bound('f', 2)
    expect(first).toBeDefined()
    expect([readings, changes, ranks.version]).toEqual([1, 1, 1])
    expect(ranks.known('f', 1)).toBeUndefined()
    await ranks.prepare({ f: { rules: [{ rollout: { exactly: 1 }, serve: true }], default: false } })
    expect(ranks.known('f', 1)).toBeDefined()
    expect([readings, changes]).toEqual([2, 1])
    await ranks.count()
    expect(changes).toBe(1)
    ids = ids.filter((id) => id !== first?.id)
    await ranks.count()
    expect([changes, ranks.version]).toEqual([2, 2])
    expect(ranks.bound('f', 2)?.id).not.toBe(first?.id)
    ranks.close()
  })

  it('counts no more for what is not compiled any more', async () => {
    const ranks = new RankedTenants({ tenants: () => listed(['a', 'b', 'c']), onChange() {}, onFailure() {} })
    await ranks.start({ f: { rules: [{ rollout: { exactly: 1 }, serve: true }], default: false } })
    ranks.forget()
    ranks.bound('f', 2)
    await ranks.count()
    expect([ranks.known('f', 1), ranks.known('f', 2)]).toEqual([undefined, expect.anything()])
    ranks.close()
  })

  it('keeps what it knows while tenants can not be read', async () => {
    let broken = false
    const failures: unknown[] = []
    const ranks = new RankedTenants({
      tenants() {
        if (broken) throw new Error('down')
        return listed(['a', 'b'])
      },
      onChange() {},
      onFailure: (error) => failures.push(error),
    })
    await ranks.start({ f: { rules: [{ rollout: { exactly: 1 }, serve: true }], default: false } })
    const before = ranks.bound('f', 1)
    broken = true
    await ranks.count()
    expect(failures).toHaveLength(1)
    expect(ranks.bound('f', 1)).toEqual(before)
    ranks.close()
  })

  it('until another number is counted, keeps in who is in, or the first of them', async () => {
    let broken = false
    const ids = Array.from({ length: 20 }, (_, i) => `t${i}`)
    const ranks = new RankedTenants({
      tenants() {
        if (broken) throw new Error('down')
        return listed(ids)
      },
      onChange() {},
      onFailure() {},
    })
    const draw = new Draw('f')
    const inside = (count: number) => {
      const bound = ranks.bound('f', count)
      return ids.filter((id) => bound !== undefined && isWithin(bound, draw.rank(id), id))
    }
    await ranks.start({ f: { rules: [{ rollout: { exactly: 4 }, serve: true }], default: false } })
    const four = inside(4)
    expect(four).toHaveLength(4)
    broken = true
    expect(inside(9)).toEqual(four)
    await ranks.count()
    expect(inside(9)).toEqual(four)
    const two = inside(2)
    expect(two).toHaveLength(2)
    expect(four).toEqual(expect.arrayContaining(two))
    expect(ranks.bound('another', 4)).toBeUndefined()
    broken = false
    await ranks.count()
    expect([inside(9).length, inside(2)]).toEqual([9, two])
    ranks.close()
  })

  it('goes by the nearest number that is counted', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `t${i}`)
    const ranks = new RankedTenants({ tenants: () => listed(ids), onChange() {}, onFailure() {} })
    const rules = [2, 8, 5].map((exactly) => ({ rollout: { exactly }, serve: true }))
    await ranks.start({ f: { rules, default: false } })
    const draw = new Draw('f')
    const inside = (count: number) => {
      const bound = ranks.bound('f', count)
      return ids.filter((id) => bound !== undefined && isWithin(bound, draw.rank(id), id)).length
    }
    expect([1, 4, 6, 7, 9].map(inside)).toEqual([1, 4, 6, 7, 8])
    ranks.close()
  })

  it('lets nobody in by other conditions before they are counted', async () => {
    const rows = Array.from({ length: 20 }, (_, i) => {
      return { id: `t${i}`, status: 'active', plan: i < 10 ? 'free' : 'pro', attributes: {} } satisfies Tenant
    })
    const ranks = new RankedTenants({
      async *tenants() {
        yield* rows
      },
      onChange() {},
      onFailure() {},
    })
    const rings = [
      { name: 'paying', if: { 'org.plan': 'pro' } },
      { name: 'all', if: { 'org.plan': { exists: true } } },
    ]
    const flag = (exactly: number, upTo: string) => ({
      rules: [{ rings, upTo, rollout: { exactly }, serve: true }],
      default: false,
    })
    const inside = (exactly: number, upTo: string) => {
      const compiled = compileFlags({ f: flag(exactly, upTo) }, { bounds: ranks.bound }).get('f')
      return rows.filter((tenant) => compiled?.evaluate({ tenant, actor: ANONYMOUS }, new Map()).evaluation.value)
    }
    await ranks.start({ f: flag(4, 'paying') })
    expect([inside(4, 'paying').length, inside(4, 'all'), inside(3, 'all')]).toEqual([4, [], []])
    await ranks.count()
    expect([inside(4, 'paying').length, inside(4, 'all').length, inside(3, 'all').length]).toEqual([4, 4, 3])
    ranks.close()
  })

  it('takes conditions for the same in whatever order they are written, and asks no more of them than it must', async () => {
    const rows = Array.from({ length: 20 }, (_, i) => {
      const attributes = i < 10 ? { seats: i } : Object.defineProperty({}, 'seats', { get: () => expect.unreachable() })
      return { id: `t${i}`, plan: i < 10 ? 'free' : 'pro', attributes } as Tenant
    })
    const ranks = new RankedTenants({
      async *tenants() {
        yield* rows
      },
      onChange() {},
      onFailure() {},
    })
    const inside = (exactly: number, conditions: FlagConditions) => {
      const definition = { rules: [{ if: conditions, rollout: { exactly }, serve: true }], default: false }
      const flag = compileFlags({ f: definition }, { bounds: ranks.bound }).get('f')
      return rows.filter((tenant) => flag?.evaluate({ tenant, actor: ANONYMOUS }, new Map()).evaluation.value)
    }
    const conditions = { or: [{ 'org.plan': 'pro' }, { 'org.seats': { gte: 2, lt: 5 } }] } as const
    const reordered = { or: [{ 'org.plan': 'pro' }, { 'org.seats': { lt: 5, gte: 2 } }] } as const
    const rules = [{ if: conditions, rollout: { exactly: 12 }, serve: true }]
    await ranks.start({ f: { rules, default: false } })
    expect(inside(12, conditions)).toHaveLength(12)
    expect(inside(13, reordered)).toEqual(inside(12, conditions))
    ranks.close()
  })

  it('lets nobody in by what was looked at long ago', async () => {
    let now = 0
    let ids = Array.from({ length: 10 }, (_, i) => `t${i}`)
    const ranks = new RankedTenants({
      tenants: () => listed(ids),
      conditions: { now: () => now },
      onChange() {},
      onFailure() {},
    })
    await ranks.prepare({ f: { rules: [{ rollout: { exactly: 4 }, serve: true }], default: false } })
    expect(ranks.bound('f', 4)).toEqual(ranks.known('f', 4))
    ids = Array.from({ length: 1_000 }, (_, i) => `t${i}`)
    now = 60_001
    expect(ranks.bound('f', 4)).toBeUndefined()
    ranks.close()
  })

  it('tries again soon where nobody is in for want of a count', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let readings = 0
    const ranks = new RankedTenants({
      tenants() {
        readings++
        if (readings === 1) throw new Error('down')
        return listed(['a', 'b'])
      },
      onChange() {},
      onFailure() {},
    })
    await ranks.start({ f: { rules: [{ rollout: { exactly: 1 }, serve: true }], default: false } })
    expect(ranks.known('f', 1)).toBeUndefined()
    await vi.advanceTimersByTimeAsync(5_000)
    ranks.close()
    vi.useRealTimers()
    expect(ranks.known('f', 1)).toBeDefined()
  })

  it('does not keep an instance from starting where tenants are not listed in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const failures: unknown[] = []
    let list = (): void => undefined
    const ranks = new RankedTenants({
      async *tenants() {
        await new Promise<void>((resolve) => {
          list = resolve
        })
        yield* listed(['a', 'b'])
      },
      onChange() {},
      onFailure: (error) => failures.push(String(error)),
    })
    const started = ranks.start({ f: { rules: [{ rollout: { exactly: 1 }, serve: true }], default: false } })
    await vi.advanceTimersByTimeAsync(10_000)
    await started
    expect(failures).toEqual([expect.stringContaining('did not answer within 10000 ms')])
    expect(ranks.known('f', 1)).toBeUndefined()
    list()
    await ranks.count()
    ranks.close()
    vi.useRealTimers()
    expect(ranks.known('f', 1)).toBeDefined()
  })

  it('does not keep others waiting while it reads very many', async () => {
    const ids = Array.from({ length: 60_000 }, (_, i) => `t${i}`)
    const ranks = new RankedTenants({ tenants: () => listed(ids), onChange() {}, onFailure() {} })
    const rules = Array.from({ length: 10 }, (_, i) => ({ rollout: { exactly: 40, seed: `s${i}` }, serve: true }))
    const turns = await turnsWhile(() => ranks.start({ f: { rules, default: false } }))
    ranks.close()
    expect(turns).toBeGreaterThan(3)
  })

  it('does not read tenants where no flag asks for a number of them', async () => {
    const ranks = new RankedTenants({
      tenants: () => expect.unreachable(),
      onChange() {},
      onFailure: (error) => expect(error).toBeUndefined(),
    })
    await ranks.start({ f: { rules: [{ rollout: { percent: 5 }, serve: true }], default: false } })
    ranks.close()
  })
})

describe('exactly', () => {
  const flags = { f: { rules: [{ rollout: { exactly: 3 }, serve: true }], default: false } } as const
  const ids = Array.from({ length: 20 }, (_, i) => `t${i}`)
  const inside = async (throughline: {
    run(as: { tenant: string; actor: { id: string } }, fn: () => unknown): Promise<unknown>
    flags: { isEnabled(key: 'f'): boolean }
  }) => {
    const on: string[] = []
    for (const tenant of ids)
      await throughline.run({ tenant, actor: { id: 'u' } }, () => throughline.flags.isEnabled('f') && on.push(tenant))
    return on
  }

  it('takes so many of the tenants that the app lists', async () => {
    const tenants = { load: (id: string) => ({ id }), list: () => ids }
    const throughline = createTestThroughline({ tenants, flags })
    expect(await inside(throughline)).toHaveLength(3)
    await throughline.close()
  })

  it('takes so many of ours, and more once the operator says so', async () => {
    const throughline = createTestThroughline({ tenants: 'ours', flags })
    await throughline.platform.run({ actor: { id: 'sam' }, reason: 'T-1' }, async (platform) => {
      for (const id of ids) await platform.tenants.create({ id })
      await platform.flags.define('f', { rules: [{ rollout: { exactly: 7 }, serve: true }], default: false })
      const { flips } = await platform.flags.preview('f', {
        define: { rules: [{ rollout: { exactly: 9 }, serve: true }], default: false },
      })
      expect(flips.length).toBeGreaterThanOrEqual(2)
    })
    await expect.poll(() => inside(throughline)).toHaveLength(7)
    await throughline.close()
  })

  it('takes them from the start on in a process that starts later', async () => {
    const storage = memoryStorage()
    const later = async () => {
      await new Promise(setImmediate)
      return ids
    }
    const tenants = { load: (id: string) => ({ id }), list: later }
    const catalog = { flags: { f: { default: false } } } as const
    const first = createThroughline({ ...catalog, tenants, storage })
    await first.platform.run({ actor: { id: 'sam' }, reason: 'T-1' }, (platform) =>
      platform.flags.define('f', { rules: [{ rollout: { exactly: 3 }, serve: true }], default: false }),
    )
    const second = createThroughline({ ...catalog, tenants, storage })
    expect(await inside(second)).toHaveLength(3)
    await Promise.all([first.close(), second.close()])
  })

  it('takes so many of those that the rule is for, as far as the tenant decides', async () => {
    const rows = ids.map((id, i) => ({ id, seats: i, region: i % 2 === 0 ? 'eu' : 'us' }))
    const big = { 'org.seats': { gte: 10 } } as const
    const catalog = {
      segments: { big, mixed: { or: [{ segment: 'big' }, { 'actor.id': 'u' }] } },
      flags: Object.fromEntries(
        Object.entries<FlagRule<boolean>>({
          one: { if: big, serve: true },
          both: { if: { segment: 'big', not: { 'org.region': 'us' } }, serve: true },
          ring: { rings: [{ name: 'r', if: big }], upTo: 'r', serve: true },
          slice: { layer: { name: 'l', from: 0, to: 50 }, serve: true },
          actor: { if: { ...big, 'actor.id': 'u' }, serve: true },
          anybody: { if: { segment: 'mixed' }, serve: true },
          unread: { if: { 'org.seats': { lt: 0 } }, serve: true },
        }).map(([key, rule]) => [key, { rules: [{ ...rule, rollout: { exactly: 4 } }], default: false }]),
      ),
    } as const
    for (const list of [() => rows, () => ids]) {
      const throughline = createTestThroughline({
        ...catalog,
        tenants: { load: (id: string) => rows.find((row) => row.id === id), list },
      })
      const counts: Record<string, number> = {}
      for (const tenant of ids) {
        await throughline.run({ tenant, actor: { id: 'u' } }, () => {
          for (const key of Object.keys(catalog.flags))
            counts[key] = (counts[key] ?? 0) + Number(throughline.flags.isEnabled(key))
        })
      }
      expect(counts).toEqual({ one: 4, both: 4, ring: 4, slice: 4, actor: 4, anybody: 4, unread: 0 })
      await throughline.close()
    }
  })

  it('is previewed of those that the rule is for, who are in once it is made', async () => {
    const rows = ids.map((id, i) => ({ id, plan: i < 8 ? 'pro' : 'free' }))
    const tenants = { load: (id: string) => rows.find((row) => row.id === id), list: () => rows }
    const throughline = createTestThroughline({ tenants, flags: { f: { default: false } } })
    const rule = { if: { 'org.plan': 'pro' }, rollout: { exactly: 5 }, serve: true } as const
    const flips = await throughline.platform.run({ actor: { id: 'sam' }, reason: 'T-1' }, async (platform) => {
      const preview = await platform.flags.preview('f', { define: { rules: [rule], default: false } })
      await platform.flags.define('f', { rules: [rule], default: false })
      return preview.flips.map(({ tenant }) => tenant)
    })
    expect(flips).toHaveLength(5)
    expect((await inside(throughline)).sort()).toEqual(flips.toSorted())
    await throughline.close()
  })

  it('is refused where nobody can say who the tenants are', async () => {
    const tenants = { load: (id: string) => ({ id }) }
    expect(() => createThroughline({ tenants, flags })).toThrow(
      /flags\.f\.rules\.0\.rollout\.exactly: must have tenants that can be counted: .*tenants\.list/,
    )
    const throughline = createTestThroughline({ tenants, flags: { f: { default: false } } })
    await throughline.platform.run({ actor: { id: 'sam' }, reason: 'T-1' }, async (platform) => {
      await expect(platform.flags.define('f', flags.f)).rejects.toThrow(ThroughlineError)
    })
    await throughline.close()
  })
})
