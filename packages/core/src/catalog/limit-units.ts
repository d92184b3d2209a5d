import type { RateLimit, SlidingWindow } from './definitions.ts'

/** What is counted is whole and below this, so that no sum of two of them is rounded. */
const MOST = 2 ** 52

/**
 * A rate in whole numbers: what one unit weighs, and how much of it falls away each ms. 100 a minute are units of 600,
 * 1 a ms.
 */
export function rateUnits({ limit, windowMs }: Pick<RateLimit, 'limit' | 'windowMs'>): {
  readonly weight: number
  readonly perMs: number
} {
  const divisor = greatestDivisor(limit, windowMs)
  return { weight: windowMs / divisor, perMs: limit / divisor }
}

/** Whether all that a policy lets pass at once can be counted exactly. */
export function isCountable(policy: RateLimit | SlidingWindow): boolean {
  const most = policy.kind === 'rate' ? policy.burst * rateUnits(policy).weight : policy.limit * policy.windowMs
  return most <= MOST
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}
