import { describe, expect, it } from 'vitest'
import { textHash } from '../../src/storage/text-hash.ts'

describe('textHash', () => {
  it('is the same for the same text, however it was put together', () => {
    const parts = ['acme', '\u0000', 'api', '\u0000', 'r']
    expect(textHash(parts.join(''))).toBe(textHash(`${parts[0]}\u0000${parts[2]}\u0000r`))
  })

  it('is another for texts that differ by one code unit, by their length, or by zeros at the end', () => {
    const texts = [
      '',
      '\u0000',
      '\u0000\u0000',
      'a',
      'a\u0000',
      'b',
      'ab',
      'ba',
      'a\u0100',
      '\u0100a',
      'ab\u0000',
      'é',
      'e\u0301',
    ]
    expect(new Set(texts.map(textHash)).size).toBe(texts.length)
  })

  it('spreads keys that count up over places as chance would', () => {
    const [keys, places] = [64_000, 1_024]
    const counts = new Float64Array(places)
    for (let i = 0; i < keys; i++) {
      const place = textHash(`tenant-${i}\u0000api\u0000r`) & (places - 1)
      counts[place] = (counts[place] as number) + 1
    }
    const mean = keys / places
    const chiSquared = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0)
    // 1,023 degrees of freedom: 45 is the deviation, and six of them are reached once in 10^9.
    expect(Math.abs(chiSquared - (places - 1))).toBeLessThan(6 * 45.2)
  })
})
