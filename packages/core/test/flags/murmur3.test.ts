import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Murmur3 } from '../../src/flags/murmur3.ts'

describe('murmur3', () => {
  // Values of the reference implementation, as published in several languages' test suites.
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['aa', 0x9747b28c, 0x5d211726],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('hashes %j with seed %i', (text, seed, hash) => {
    expect(new Murmur3('', seed).hash(text) >>> 0).toBe(hash)
  })

  it('is 32 bits, signed, of any text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(0x10ffff), { maxLength: 50 }).map((codes) => String.fromCodePoint(...codes)),
        (text) => {
          const hash = new Murmur3('').hash(text)
          expect(hash | 0).toBe(hash)
        },
      ),
    )
  })
})
