import { BUCKETS } from '../catalog/buckets.ts'
import { Murmur3 } from './murmur3.ts'

/**
 * Where ids fall by one seed. Algorithm 1: MurmurHash3_x86_32 of `<seed>:<id>`. Always the same for one seed, and
 * independent between seeds.
 */
export class Draw {
  readonly #hash: Murmur3

  constructor(seed: string) {
    this.#hash = new Murmur3(`${seed}:`)
  }

  /** 0 to 99,999. */
  bucket(id: string): number {
    return Math.floor(((this.#hash.hash(id) >>> 0) / 0x1_0000_0000) * BUCKETS)
  }

  /** 0 to 2^32 - 1; of several ids of one rank the lesser goes first. */
  rank(id: string): number {
    return this.#hash.hash(id) >>> 0
  }
}
