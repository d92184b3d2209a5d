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
const RANDOM_POOL = new Uint8Array(8_192)
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
  if (randomUsed + 16 > RANDOM_POOL.length) {
    randomFillSync(RANDOM_POOL)
    randomUsed = 0
  }
  let id = timePart
  for (let i = 0; i < 16; i++) id += ALPHABET.charAt((RANDOM_POOL[randomUsed++] as number) & 31)
  return id
}

/** A new W3C trace id: 32 lower-case hex digits. */
export function newTraceId(): string {
  return randomBytes(16).toString('hex')
}
