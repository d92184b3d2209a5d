import { Draw } from './draw.ts'

/** The last of those who are in: whoever ranks up to it is in too. */
export interface RankBound {
  readonly rank: number
  readonly id: string
}

/** Whether an id is among the first. */
export function isWithin({ rank, id }: RankBound, ownRank: number, ownId: string): boolean {
  return ownRank < rank || (ownRank === rank && ownId <= id)
}

/** The last of the first few, of ranks in any order; whoever shares their rank is in too. */
export function firstOf(ranks: Uint32Array, count: number): RankBound | undefined {
  const rank = ranks.toSorted()[Math.min(count, ranks.length) - 1]
  return rank === undefined ? undefined : { rank, id: '\uffff' }
}

/**
 * Finds who is the n-th of tenants by rank, reading them once and keeping n of them. As long as the tenants are the
 * same, the first n are among the first n + 1.
 */
export class RankCounter {
  readonly #draw: Draw
  readonly #count: number
  /** A heap: the last of those that are kept comes first. */
  readonly #kept: RankBound[] = []
  /** Whom a list names twice is one tenant all the same. */
  readonly #ids = new Set<string>()

  /** @param count how many are in, 0 or more */
  constructor(seed: string, count: number) {
    this.#draw = new Draw(seed)
    this.#count = count
  }

  /** Counts a tenant. */
  add(id: string): void {
    if (this.#ids.has(id)) return
    const entry = { rank: this.#draw.rank(id), id }
    const kept = this.#kept
    if (kept.length < this.#count) {
      kept.push(entry)
      this.#ids.add(id)
      this.#rise(kept.length - 1)
    } else if (kept[0] && isAfter(kept[0], entry)) {
      this.#ids.delete(kept[0].id)
      this.#ids.add(id)
      kept[0] = entry
      this.#sink(0)
    }
  }

  /** The n-th, or the last where there are fewer; `undefined` if nobody is in. */
  get bound(): RankBound | undefined {
    return this.#kept[0]
  }

  /** Of all that are in, in no order. */
  get ranks(): Uint32Array {
    return Uint32Array.from(this.#kept, ({ rank }) => rank)
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!this.#swap(at, parent)) return
      at = parent
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      const [a, b] = [this.#kept[left], this.#kept[right]]
      if (!a) return
      const child = b && isAfter(b, a) ? right : left
      if (!this.#swap(child, at)) return
      at = child
    }
  }

  /** Exchanges two where the first of them is after the second. */
  #swap(at: number, parent: number): boolean {
    const [child, above] = [this.#kept[at] as RankBound, this.#kept[parent] as RankBound]
    if (!isAfter(child, above)) return false
    this.#kept[at] = above
    this.#kept[parent] = child
    return true
  }
}

function isAfter(one: RankBound, other: RankBound): boolean {
  return !isWithin(other, one.rank, one.id)
}
