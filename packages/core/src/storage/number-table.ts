const FIRST_CAPACITY = 256
/** Rows looked at for one that is added: the table is swept without a timer. */
const SWEEP = 2
const EVICTION_PROBES = 8

/** Rows of four numbers by their keys, in typed arrays; bounded, and swept of what is over as it grows. */
export class NumberTable {
  readonly #maxRows: number
  readonly #msLeft: (table: NumberTable, row: number, now: number) => number
  readonly #rows = new Map<string, number>()
  readonly #keys: string[] = []
  #hand = 0
  a: Float64Array<ArrayBuffer> = new Float64Array(FIRST_CAPACITY)
  b: Float64Array<ArrayBuffer> = new Float64Array(FIRST_CAPACITY)
  c: Float64Array<ArrayBuffer> = new Float64Array(FIRST_CAPACITY)
  d: Float64Array<ArrayBuffer> = new Float64Array(FIRST_CAPACITY)

  /** @param msLeft until a row says no more than none would: 0 or less when it is over */
  constructor(maxRows: number, msLeft: (table: NumberTable, row: number, now: number) => number) {
    this.#maxRows = maxRows
    this.#msLeft = msLeft
  }

  get size(): number {
    return this.#keys.length
  }

  /** The key's row, or -1. Rows move: a row counts until the next `add`. */
  find(key: string): number {
    const row = this.#rows.get(key)
    return row === undefined ? -1 : row
  }

  /** A new row for a key that has none; its numbers are not set. */
  add(key: string, now: number): number {
    for (let i = 0; i < SWEEP && this.#keys.length > 0; i++) {
      this.#hand = (this.#hand + 1) % this.#keys.length
      if (this.#msLeft(this, this.#hand, now) <= 0) this.#remove(this.#hand)
    }
    if (this.#keys.length >= this.#maxRows) this.#evict(now)
    const row = this.#keys.length
    if (row === this.a.length) this.#grow()
    this.#keys.push(key)
    this.#rows.set(key, row)
    return row
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
      const left = this.#msLeft(this, this.#hand, now)
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
    for (const column of [this.a, this.b, this.c, this.d]) column[row] = column[last] as number
  }

  #grow(): void {
    const longer = (column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(column.length * 2)
      grown.set(column)
      return grown
    }
    this.a = longer(this.a)
    this.b = longer(this.b)
    this.c = longer(this.c)
    this.d = longer(this.d)
  }
}
