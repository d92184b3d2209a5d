import { textHash } from './text-hash.ts'

/** A power of two, as every capacity. */
const FIRST_CAPACITY = 256
/** Rows looked at for one that is added: the table is swept without a timer. */
const SWEEP = 2
/** Rows are kept for so long (ms) after they are over: who asks again soon finds the row and adds none. */
const IDLE_MS = 1_000
const EVICTION_PROBES = 8

/** Numbers of a row: side by side, so that a row is fetched from memory at once. */
const WIDTH = 4

/** Places of the index for each row: half of them at the least are empty, so that a search is short. */
const PLACES = 2

/**
 * Rows of four numbers by their keys, in one typed array; bounded, and swept of what is over as it grows.
 *
 * The index is a hash table with linear probing, one number a place: the row, counted from 1, in the bits that choose a
 * place, and above them those of its hash that do not. A map of the language costs more for keys that come and go, and
 * stands still while it is built anew.
 */
export class NumberTable {
  readonly #maxRows: number
  readonly #msLeft: (numbers: Float64Array, at: number, now: number) => number
  readonly #keys: string[] = []
  #hashes = new Int32Array(FIRST_CAPACITY)
  #index = new Int32Array(FIRST_CAPACITY * PLACES)
  #mask = FIRST_CAPACITY * PLACES - 1
  #hand = 0
  /** What was looked for last: a key that is not there is added next. */
  #sought = ''
  #soughtHash = textHash('')
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

  /**
   * Where the key's row begins, or -1. Rows move: it counts until the next `add`.
   *
   * @param guess where it began when it was found last, which is looked at first
   */
  find(key: string, guess = -1): number {
    if (guess >= 0 && this.#keys[(guess / WIDTH) | 0] === key) return guess
    const hash = textHash(key)
    this.#sought = key
    this.#soughtHash = hash
    const index = this.#index
    const mask = this.#mask
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const value = index[place] as number
      if (value === 0) return -1
      const row = (value & mask) - 1
      if (((value ^ hash) & ~mask) === 0 && this.#keys[row] === key) return row * WIDTH
    }
  }

  /** Where a new row for a key that has none begins; its numbers are not set. */
  add(key: string, now: number): number {
    for (let i = 0; i < SWEEP && this.#keys.length > 0; i++) {
      const row = this.#next()
      if (this.#msLeft(this.numbers, row * WIDTH, now) <= -IDLE_MS) this.#remove(row)
    }
    if (this.#keys.length >= this.#maxRows) this.#evict(now)
    const row = this.#keys.length
    if (row === this.#hashes.length) this.#grow()
    const hash = this.#sought === key ? this.#soughtHash : textHash(key)
    this.#keys.push(key)
    this.#hashes[row] = hash
    this.#put(row, hash)
    return row * WIDTH
  }

  clear(): void {
    this.#keys.length = 0
    this.#index.fill(0)
  }

  /** Forgets, of a few rows, the one whose loss gives the least away. */
  #evict(now: number): void {
    let victim = this.#hand
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < EVICTION_PROBES; i++) {
      const row = this.#next()
      const left = this.#msLeft(this.numbers, row * WIDTH, now)
      if (left < least) {
        least = left
        victim = row
      }
    }
    this.#remove(victim)
  }

  /** The row whose turn it is to be looked at. */
  #next(): number {
    const row = this.#hand + 1
    this.#hand = row < this.#keys.length ? row : 0
    return this.#hand
  }

  /** The last row takes its place. */
  #remove(row: number): void {
    this.#leave(this.#placeOf(row))
    const last = this.#keys.length - 1
    const moved = this.#keys.pop() as string
    if (row === last) return
    const hash = this.#hashes[last] as number
    this.#index[this.#placeOf(last)] = this.#value(row, hash)
    this.#keys[row] = moved
    this.#hashes[row] = hash
    for (let i = 0; i < WIDTH; i++) this.numbers[row * WIDTH + i] = this.numbers[last * WIDTH + i] as number
  }

  #placeOf(row: number): number {
    let place = (this.#hashes[row] as number) & this.#mask
    while (((this.#index[place] as number) & this.#mask) !== row + 1) place = (place + 1) & this.#mask
    return place
  }

  #put(row: number, hash: number): void {
    let place = hash & this.#mask
    while (this.#index[place] !== 0) place = (place + 1) & this.#mask
    this.#index[place] = this.#value(row, hash)
  }

  #value(row: number, hash: number): number {
    return (hash & ~this.#mask) | (row + 1)
  }

  /** Empties a place. Those behind it that were not free to lie nearer to their hash move up. */
  #leave(place: number): void {
    const index = this.#index
    const mask = this.#mask
    let hole = place
    for (let next = (hole + 1) & mask; index[next] !== 0; next = (next + 1) & mask) {
      const hash = this.#hashes[((index[next] as number) & mask) - 1] as number
      const mayMoveUp = ((next - hash) & mask) >= ((next - hole) & mask)
      if (!mayMoveUp) continue
      index[hole] = index[next] as number
      hole = next
    }
    index[hole] = 0
  }

  #grow(): void {
    const capacity = this.#hashes.length * 2
    const numbers = new Float64Array(capacity * WIDTH)
    numbers.set(this.numbers)
    this.numbers = numbers
    const hashes = new Int32Array(capacity)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    this.#index = new Int32Array(capacity * PLACES)
    this.#mask = capacity * PLACES - 1
    for (let row = 0; row < this.#keys.length; row++) this.#put(row, hashes[row] as number)
  }
}

/** What a table has a row for, and where that row began when it was found last; a place that is not kept is undefined. */
interface Placed {
  readonly key: string
  place?: number
}

/** Where the row of what is placed begins, or -1; the place is kept for the next time. */
export function findPlaced(table: NumberTable, placed: Placed): number {
  const { key, place } = placed
  const at = table.find(key, place)
  if (place !== undefined && at >= 0 && at !== place) placed.place = at
  return at
}
