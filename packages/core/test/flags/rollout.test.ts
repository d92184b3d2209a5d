import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BUCKETS, bucketsIn } from '../../src/catalog/buckets.ts'
import type { Catalog, FlagDefinition, FlagRule } from '../../src/catalog/definitions.ts'
import { Draw } from '../../src/flags/draw.ts'
import { compileFlags, createFlags, flagsView } from '../../src/flags/index.ts'

/** What a flag is for an actor of a tenant, which `explain` has to say as well. */
function ask(flag: FlagDefinition, tenant: string, actor = 'ada') {
  const view = flagsView(compileFlags({ f: flag }), new Map(), undefined)
  const face = createFlags<Catalog>({
    scope: () => ({
      tenant: { id: tenant, status: 'active', attributes: {} },
      actor: { id: actor, type: 'user' },
      snapshot: { flags: view },
      fold() {},
    }),
  })
  const evaluation = face.evaluate('f')
  const { steps } = face.explain('f')
  const decided = steps.findLast((step) => step.step === 'rule' && step.decided)
  expect(decided !== undefined).toBe(evaluation.rule !== undefined)
  return evaluation
}

const isIn = (rule: Omit<FlagRule, 'serve'>, tenant: string, actor?: string): boolean =>
  ask({ rules: [{ ...rule, serve: true }], default: false, seed: 'new-reports' }, tenant, actor).value === true

const percent = fc.double({ min: 0, max: 100, noNaN: true })

describe('rollout', () => {
  it('keeps in whoever is in while the percentage grows', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), percent, percent, (seed, id, a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a]
        const bucket = new Draw(seed).bucket(id)
        if (bucket < bucketsIn(low)) expect(bucket).toBeLessThan(bucketsIn(high))
      }),
    )
  })

  it('keeps in tenants and actors of a flag at every step on the way to all of them', () => {
    const steps = [0, 0.001, 1, 5, 12.5, 37.301, 37.302, 50, 60.674, 75, 99.999, 100]
    for (const by of ['tenant', 'actor'] as const) {
      for (let i = 0; i < 40; i++) {
        const inside = steps.map((step) => isIn({ rollout: { percent: step, by } }, `t${i}`, `u${i}`))
        expect(inside).toEqual(inside.toSorted())
        expect([inside[0], inside.at(-1)]).toEqual([false, true])
      }
    }
  })

  it('takes no fewer buckets for a greater percentage, whichever', () => {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const between = bucketsIn((bucket + 0.5) / 1_000)
      if (bucketsIn(bucket / 1_000) !== bucket || between < bucket || between > bucket + 1)
        expect.fail(`${bucket / 1_000} per cent are ${bucketsIn(bucket / 1_000)} buckets, and a little more ${between}`)
    }
  })

  it('ends before the bucket that it names, and a slice begins with it', () => {
    // Of `golden-buckets.json`: by the seed "new-reports" acme is in the bucket 37,301.
    expect(isIn({ rollout: { percent: 37.301 } }, 'acme')).toBe(false)
    expect(isIn({ rollout: { percent: 37.302 } }, 'acme')).toBe(true)
    const own = new Draw('layer:l').bucket('acme') / 1_000
    const sliced = (from: number, to: number): boolean => isIn({ layer: { name: 'l', from, to } }, 'acme')
    expect([sliced(own, 100), sliced(own + 0.001, 100)]).toEqual([true, false])
    expect([sliced(0, own), sliced(0, own + 0.001)]).toEqual([false, true])
  })

  it('shares variants out by weight up to the bucket that begins the next one', () => {
    const own = new Draw('new-reports/variants').bucket('acme')
    const served = (a: number): string =>
      ask(
        { variants: { a: 1, b: 2 }, rules: [{ serve: { a, b: BUCKETS - a } }], default: 'a', seed: 'new-reports' },
        'acme',
      ).variant
    expect([served(own), served(own + 1)]).toEqual(['b', 'a'])
  })

  it('serves variants to whom the rollout draws, within the slice of a layer by another unit', () => {
    const flag = (by: 'tenant' | 'actor'): FlagDefinition => ({
      variants: { a: 1, b: 2 },
      rules: [
        {
          layer: { name: 'l', from: 0, to: 100, by: by === 'actor' ? 'tenant' : 'actor' },
          rollout: { percent: 100, by },
          serve: { a: 1, b: 1 },
        },
      ],
      default: 'a',
    })
    const variants = (by: 'tenant' | 'actor') =>
      new Set(Array.from({ length: 20 }, (_, i) => ask(flag(by), 'acme', `u${i}`).variant))
    expect(variants('tenant').size).toBe(1)
    expect(variants('actor').size).toBe(2)
  })

  it('serves the same variants by the same seed, whosever it is', () => {
    const flag = (own: string, rollout: string | undefined): FlagDefinition => ({
      variants: { a: 1, b: 2 },
      rules: [{ rollout: { percent: 100, ...(rollout && { seed: rollout }) }, serve: { a: 1, b: 1 } }],
      default: 'a',
      seed: own,
    })
    const served = (own: string, rollout?: string) =>
      Array.from({ length: 20 }, (_, i) => ask(flag(own, rollout), `t${i}`).variant)
    expect(served('x', 'shared')).toEqual(served('y', 'shared'))
    expect(served('x', 'shared')).toEqual(served('shared'))
    expect(served('x', 'shared')).not.toEqual(served('x'))
  })

  it('has nobody at 0 and everybody at 100', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (seed, id) => {
        const bucket = new Draw(seed).bucket(id)
        expect(bucket).toBeGreaterThanOrEqual(bucketsIn(0))
        expect(bucket).toBeLessThan(bucketsIn(100))
      }),
    )
    expect(bucketsIn(0.001)).toBe(1)
    expect(bucketsIn(33.333)).toBe(33_333)
    expect(bucketsIn(99.9999)).toBe(99_999)
  })

  it('takes the share it says, of ids that look alike', () => {
    for (const share of [1, 10, 50, 90]) {
      const ids = Array.from({ length: 20_000 }, (_, i) => `tenant-${i}`)
      const inside = ids.filter((id) => new Draw('new-reports').bucket(id) < bucketsIn(share)).length / ids.length
      // Five standard deviations.
      expect(Math.abs(inside - share / 100)).toBeLessThan(5 * Math.sqrt((share * (100 - share)) / 10_000 / ids.length))
    }
  })

  it('draws anew for another seed', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `t${i}`)
    const half = bucketsIn(50)
    const both = ids.filter((id) => new Draw('a').bucket(id) < half && new Draw('b').bucket(id) < half).length
    expect(both).toBeGreaterThan(2_300)
    expect(both).toBeLessThan(2_700)
  })
})
