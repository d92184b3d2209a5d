import { inTime } from '../in-time.ts'

/** What the app has not answered by then has failed, ms: who waits is refused, or has the last known state. */
const LOOK_UP_MS = 10_000

/**
 * The app's answer, which may never come.
 *
 * @param what was asked for
 */
export function lookedUp<T>(what: string, answer: Promise<T>): Promise<T> {
  return inTime(LOOK_UP_MS, what, answer)
}
