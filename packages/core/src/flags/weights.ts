import { BUCKETS } from '../catalog/buckets.ts'
import type { WeightedVariants } from '../catalog/definitions.ts'
import { Draw } from './draw.ts'

/**
 * Picks one of several by weight. The shares lie in the order of names, whatever order the definition is stored in;
 * weight that moves from one name to the next moves nobody else. Independent of the rollout's draw by the same seed.
 */
export class Weights<T> {
  readonly #draw: Draw
  readonly #ends: number[] = []
  readonly #picks: T[] = []
  /** The sum of all. */
  readonly total: number

  constructor(seed: string, weights: WeightedVariants, pick: (variant: string) => T) {
    this.#draw = new Draw(`${seed}/variants`)
    let total = 0
    for (const name of Object.keys(weights).sort()) {
      const weight = weights[name] ?? 0
      if (weight <= 0) continue
      total += weight
      this.#ends.push(total)
      this.#picks.push(pick(name))
    }
    this.total = total
  }

  pick(id: string): T {
    const at = this.at(id)
    let i = 0
    while (i < this.#ends.length - 1 && at >= (this.#ends[i] as number)) i++
    return this.#picks[i] as T
  }

  /** Where an id falls, from 0 up to the sum of all weights. */
  at(id: string): number {
    return (this.#draw.bucket(id) / BUCKETS) * this.total
  }
}
