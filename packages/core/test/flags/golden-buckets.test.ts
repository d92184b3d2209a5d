import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BUCKETS } from '../../src/catalog/buckets.ts'
import { Draw } from '../../src/flags/draw.ts'
import { Murmur3 } from '../../src/flags/murmur3.ts'

interface Vector {
  readonly seed: string
  readonly id: string
  readonly rank: number
  readonly bucket: number
}

const { vectors } = JSON.parse(readFileSync(join(import.meta.dirname, 'golden-buckets.json'), 'utf8')) as {
  readonly vectors: readonly Vector[]
}

describe('algorithm 1', () => {
  // Checked against another implementation, in another language. It must never draw otherwise, on any version of Node.
  it('draws what it has always drawn', () => {
    expect(vectors.length).toBeGreaterThan(90)
    for (const { seed, id, rank, bucket } of vectors) {
      const draw = new Draw(seed)
      expect({ seed, id, rank: draw.rank(id), bucket: draw.bucket(id) }).toEqual({ seed, id, rank, bucket })
    }
  })

  it('hashes seed and id as one text', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '-', 'ü', '日', '😀', '\ud800', '\udc00'), maxLength: 9 })
    fc.assert(
      fc.property(text, text, (seed, id) => {
        expect(new Draw(seed).rank(id)).toBe(new Murmur3('').hash(`${seed}:${id}`) >>> 0)
      }),
    )
  })

  it('fills its buckets evenly with 10,000 tenants, however alike their ids', () => {
    const GROUPS = 100
    const names = [
      (i: number) => `tenant-${i}`,
      (i: number) => String(i),
      (i: number) => `org_${(i * 7919).toString(36)}`,
    ]
    for (const seed of ['new-reports', 'dark-mode', 'x']) {
      for (const name of names) {
        const draw = new Draw(seed)
        const counts = new Array<number>(GROUPS).fill(0)
        for (let i = 0; i < 10_000; i++) {
          const group = Math.floor((draw.bucket(name(i)) / BUCKETS) * GROUPS)
          counts[group] = (counts[group] as number) + 1
        }
        const chiSquare = counts.reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0)
        // 99 degrees of freedom: one draw in 10,000 is past 160, and none may be suspiciously even.
        expect(chiSquare).toBeGreaterThan(50)
        expect(chiSquare).toBeLessThan(160)
      }
    }
  })
})
