import type { ConcurrencyOperation } from './limits.ts'

/** Keys looked at for one that is added, and for one that is asked for when there is no room. */
const SWEEP = 2
const FULL_SWEEP = 8

interface Lease {
  units: number
  /** ms */
  endsAt: number
}

/** What is held of one key. */
export interface Held {
  readonly units: number
  /** ms until the first lease ends; Infinity where none is held. */
  readonly soonestMs: number
  /** ms until the last one does. */
  readonly latestMs: number
}

const NONE: Held = { units: 0, soonestMs: Number.POSITIVE_INFINITY, latestMs: 0 }

/** Leases by key; those whose time is over go when their key is looked at, or when room is needed. */
export class MemoryLeases {
  readonly #maxKeys: number
  readonly #keys = new Map<string, Map<string, Lease>>()
  #hand = this.#keys.keys()

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#keys.size
  }

  /** What others than this lease hold: a take replaces its own. */
  held(key: string, lease: string | undefined, now: number): Held {
    const leases = this.#keys.get(key)
    if (!leases) return NONE
    let units = 0
    let soonestMs = Number.POSITIVE_INFINITY
    let latestMs = 0
    for (const [id, held] of leases) {
      const left = held.endsAt - now
      if (left <= 0) leases.delete(id)
      else if (id !== lease) {
        units += held.units
        soonestMs = Math.min(soonestMs, left)
        latestMs = Math.max(latestMs, left)
      }
    }
    if (leases.size === 0) this.#keys.delete(key)
    return { units, soonestMs, latestMs }
  }

  /** Whether one more key can be kept: what is held must not be forgotten, so there is no other key in its place. */
  hasRoom(key: string, now: number): boolean {
    if (this.#keys.has(key) || this.#keys.size < this.#maxKeys) return true
    this.#sweep(FULL_SWEEP, now)
    return this.#keys.size < this.#maxKeys
  }

  take({ key, ttlMs }: ConcurrencyOperation, lease: string, units: number, now: number): void {
    let leases = this.#keys.get(key)
    if (!leases) {
      this.#sweep(SWEEP, now)
      leases = new Map()
      this.#keys.set(key, leases)
    }
    leases.set(lease, { units, endsAt: now + ttlMs })
  }

  end(key: string, lease: string): void {
    const leases = this.#keys.get(key)
    if (leases?.delete(lease) && leases.size === 0) this.#keys.delete(key)
  }

  /** False if it has ended. */
  renew({ key, ttlMs }: ConcurrencyOperation, lease: string, now: number): boolean {
    const held = this.#keys.get(key)?.get(lease)
    if (!held || held.endsAt <= now) return false
    held.endsAt = now + ttlMs
    return true
  }

  clear(): void {
    this.#keys.clear()
  }

  /** Looks at a few keys, each time at the next ones: a store that is full costs no call more than these. */
  #sweep(keys: number, now: number): void {
    for (let i = 0; i < keys; i++) {
      let next = this.#hand.next()
      if (next.done) {
        this.#hand = this.#keys.keys()
        next = this.#hand.next()
        if (next.done) return
      }
      this.held(next.value, undefined, now)
    }
  }
}
