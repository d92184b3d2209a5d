import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketsIn } from '../../src/catalog/buckets.ts'
import { Draw } from '../../src/flags/draw.ts'

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
