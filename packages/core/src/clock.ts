import { randomBytes, randomFillSync } from 'node:crypto'

/** The time, injected so that tests turn it. */
export interface Clock {
  /** Milliseconds since the epoch; never goes backwards within a process. */
  now(): number
}

/**
 * The system's clock, held monotone: when the wall clock steps back, time goes on at half its speed until the wall clock
 * has caught up. If it stood still, no limit would refill and nothing would expire for as long.
 */
export function systemClock(): Clock {
  let last = 0
  let steppedBack: { readonly from: number; readonly at: number } | undefined
  return {
    now() {
      const wall = Date.now()
      if (wall >= last) {
        last = wall
        steppedBack = undefined
        return last
      }
      steppedBack ??= { from: last, at: performance.now() }
      last = Math.max(last, steppedBack.from + Math.floor((performance.now() - steppedBack.at) / 2))
      return last
    },
  }
}

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** Two digits for each ten bits: ids are made for every request, and long concatenations are slow to flatten. */
const PAIRS = Array.from({ length: 1_024 }, (_, i) => ALPHABET.charAt(i >> 5) + ALPHABET.charAt(i & 31))
const RANDOM_POOL = new Uint16Array(4_096)
const RANDOM_PAIRS = 8
let randomUsed = RANDOM_POOL.length
let lastTime = -1
let timePart = ''

/** A time-ordered id of 26 characters in the layout of the ULID specification; unique, not secret. */
export function newId(now: number): string {
  if (now !== lastTime) {
    lastTime = now
    timePart = ''
    for (let rest = now, i = 0; i < 10; i++) {
      timePart = ALPHABET.charAt(rest % 32) + timePart
      rest = Math.floor(rest / 32)
    }
  }
  if (randomUsed + RANDOM_PAIRS > RANDOM_POOL.length) {
    randomFillSync(RANDOM_POOL)
    randomUsed = 0
  }
  const high = randomPair() + randomPair() + randomPair() + randomPair()
  return timePart + (high + (randomPair() + randomPair() + randomPair() + randomPair()))
}

function randomPair(): string {
  return PAIRS[(RANDOM_POOL[randomUsed++] as number) & 1_023] as string
}

/** A new W3C trace id: 32 lower-case hex digits. */
export function newTraceId(): string {
  return randomBytes(16).toString('hex')
}
