import type { Clock } from '../clock.ts'

/** A clock that stands still until a test turns it. */
export interface TestClock extends Clock {
  /** Moves on by `ms`. */
  advance(ms: number): void
  /** Moves to a time, also backwards: a Date, ms since the epoch, or ISO 8601. */
  set(time: Date | number | string): void
}

/**
 * @param start where it begins; 2026-01-01T00:00:00Z unless said
 */
export function testClock(start: Date | number | string = '2026-01-01T00:00:00Z'): TestClock {
  let now = new Date(start).getTime()
  return {
    now: () => now,
    advance(ms) {
      now += ms
    },
    set(time) {
      now = new Date(time).getTime()
    },
  }
}
