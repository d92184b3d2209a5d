import type { Clock } from '../clock.ts'
import { ThroughlineError } from '../errors.ts'

/** A clock that stands still until a test turns it. */
export interface TestClock extends Clock {
  /** Moves on by `ms`. */
  advance(ms: number): void
  /** Moves to a time, also backwards: a Date, ms since the epoch, or ISO 8601. */
  set(time: Date | number | string): void
}

/**
 * @param start where it begins; 2026-01-01T00:00:00Z unless said
 * @throws ThroughlineError `OPTIONS_INVALID` for what is no time
 */
export function testClock(start: Date | number | string = '2026-01-01T00:00:00Z'): TestClock {
  let now = timeOf('testClock', start)
  return {
    now: () => now,
    advance(ms) {
      if (!Number.isFinite(ms)) throw miscalled('advance', 'it takes ms, a number, as in clock.advance(60_000).')
      now += ms
    },
    set(time) {
      now = timeOf('set', time)
    },
  }
}

function timeOf(call: string, time: unknown): number {
  const readable = typeof time === 'string' || typeof time === 'number' || time instanceof Date
  const ms = readable ? new Date(time).getTime() : Number.NaN
  if (Number.isFinite(ms)) return ms
  throw miscalled(call, "it takes a time: a Date, ms since the epoch, or ISO 8601, as in '2026-01-01T00:00:00Z'.")
}

function miscalled(call: string, problem: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', { message: `${call}: ${problem}`, details: { problems: [problem] } })
}
