import { randomFillSync } from 'node:crypto'

/** Of this process alone: whoever chooses keys can't choose ones that collide. */
const [K0, K1] = randomFillSync(new Int32Array(2)) as Int32Array & [number, number]

/** Rounds for the last word, and after it. */
const CLOSING_ROUNDS = 4

/** A keyed hash of a text, 32 bits: HalfSipHash-1-3 of its UTF-16 code units, two a word. */
export function textHash(text: string): number {
  const { length } = text
  let v0 = K0
  let v1 = K1
  let v2 = K0 ^ 0x6c796765
  let v3 = K1 ^ 0x74656462
  let at = 1
  // The round stands here twice: four numbers can't be returned without an allocation.
  for (; at < length; at += 2) {
    const word = text.charCodeAt(at - 1) | (text.charCodeAt(at) << 16)
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  const last = (at === length ? text.charCodeAt(at - 1) : 0) | (length << 16)
  v3 ^= last
  for (let round = 0; round < CLOSING_ROUNDS; round++) {
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    if (round === 0) {
      v0 ^= last
      v2 ^= 0xff
    }
  }
  return v1 ^ v3
}
