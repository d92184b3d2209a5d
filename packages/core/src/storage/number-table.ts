const FIRST_CAPACITY = 256
/** Rows looked at for one that is added: the table is swept without a timer. */
const SWEEP = 2
/** Rows are kept for so long (ms) after they are over: who asks again soon finds the row and adds none. */
const IDLE_MS = 1_000
const EVICTION_PROBES = 8

/** Numbers of a row: side by side, so that a row is fetched from memory at once. */
const WIDTH = 4

/** Rows of four numbers by their keys, in one typed array; bounded, and swept of what is over as it grows. */
export class NumberTable {
  readonly #maxRows: number
  readonly #msLeft: (numbers: Float64Array, at: number, now: number) => number
  readonly #rows = new Map<string, number>()
  readonly #keys: string[] = []
  #hand = 0
  /** A row begins where `find` or `add` says. */
  numbers: Float64Array<ArrayBuffer> = new Float64Array(FIRST_CAPACITY * WIDTH)

  /** @param msLeft until a row says no more than none would: 0 or less when it is over */
  constructor(maxRows: number, msLeft: (numbers: Float64Array, at: number, now: number) => number) {
    this.#maxRows = maxRows
    this.#msLeft = msLeft
  }

  get size(): number {
    return this.#keys.length
  }

  /** Where the key's row begins, or -1. Rows move: it counts until the next `add`. */
  find(key: string): number {
    const row = this.#rows.get(key)
    return row === undefined ? -1 : row * WIDTH
  }

  /** Where a new row for a key that has none begins; its numbers are not set. */
  add(key: string, now: number): number {
    for (let i = 0; i < SWEEP && this.#keys.length > 0; i++) {
      this.#hand = (this.#hand + 1) % this.#keys.length
      if (this.#msLeft(this.numbers, this.#hand * WIDTH, now) <= -IDLE_MS) this.#remove(this.#hand)
    }
    if (this.#keys.length >= this.#maxRows) this.#evict(now)
    const row = this.#keys.length
    if (row * WIDTH === this.numbers.length) this.#grow()
    this.#keys.push(key)
    this.#rows.set(key, row)
    return row * WIDTH
  }

  clear(): void {
    this.#rows.clear()
    this.#keys.length = 0
  }

  /** Forgets, of a few rows, the one whose loss gives the least away. */
  #evict(now: number): void {
    let victim = this.#hand
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < EVICTION_PROBES; i++) {
      this.#hand = (this.#hand + 1) % this.#keys.length
      const left = this.#msLeft(this.numbers, this.#hand * WIDTH, now)
      if (left < least) {
        least = left
        victim = this.#hand
      }
    }
    this.#remove(victim)
  }

  #remove(row: number): void {
    const last = this.#keys.length - 1
    this.#rows.delete(this.#keys[row] as string)
    const moved = this.#keys.pop() as string
    if (row === last) return
    this.#keys[row] = moved
    this.#rows.set(moved, row)
    this.numbers.copyWithin(row * WIDTH, last * WIDTH, (last + 1) * WIDTH)
  }

  #grow(): void {
    const grown = new Float64Array(this.numbers.length * 2)
    grown.set(this.numbers)
    this.numbers = grown
  }
}
