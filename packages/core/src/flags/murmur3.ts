const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/**
 * MurmurHash3_x86_32 (Austin Appleby, public domain) of the UTF-8 bytes of texts that begin alike: the beginning is
 * hashed once, and a text of ASCII allocates nothing. Spreads well and is cheap; it is not meant to keep anything secret.
 */
export class Murmur3 {
  readonly #prefix: string
  readonly #seed: number
  #hash: number
  #block = 0
  #length = 0

  constructor(prefix: string, seed = 0) {
    this.#prefix = prefix
    this.#seed = seed
    this.#hash = seed
    for (const byte of Buffer.from(prefix, 'utf8')) {
      this.#block |= byte << ((this.#length & 3) << 3)
      if ((this.#length++ & 3) !== 3) continue
      this.#hash = mixBlock(this.#hash, this.#block)
      this.#block = 0
    }
  }

  /** The hash of prefix and text, as one text. Signed: the unsigned half of them would take a place in memory each. */
  hash(text: string): number {
    let hash = this.#hash
    let block = this.#block
    let length = this.#length
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      // Bytes of the whole: a text may go on with the second half of a character.
      if (code > 0x7f) return murmur3Bytes(Buffer.from(this.#prefix + text, 'utf8'), this.#seed)
      block |= code << ((length & 3) << 3)
      if ((length++ & 3) !== 3) continue
      hash = mixBlock(hash, block)
      block = 0
    }
    return finish(hash, block, length)
  }
}

function murmur3Bytes(bytes: Uint8Array, seed: number): number {
  let hash = seed
  let block = 0
  for (let i = 0; i < bytes.length; i++) {
    block |= (bytes[i] as number) << ((i & 3) << 3)
    if ((i & 3) === 3) {
      hash = mixBlock(hash, block)
      block = 0
    }
  }
  return finish(hash, block, bytes.length)
}

function scramble(block: number): number {
  const scaled = Math.imul(block, C1)
  return Math.imul((scaled << 15) | (scaled >>> 17), C2)
}

function mixBlock(hash: number, block: number): number {
  const mixed = hash ^ scramble(block)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

function finish(hash: number, tail: number, length: number): number {
  let mixed = hash ^ scramble(tail) ^ length
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
