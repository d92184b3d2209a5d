import type { ConcurrencyOperation, LimitDecision, RateOperation, WindowOperation } from './limits.ts'

/**
 * Arithmetic that every limits store has in common, in whole numbers below 2^53: what a store computes elsewhere (a
 * script, a statement) has to come to the same.
 */

/** The largest debt; the catalog lets no policy have a larger capacity. */
export const MOST_DEBT: number = 2 ** 52

/**
 * A rate's debt at a time. `at` may lie ahead of `now`: a clock that went back stands still.
 *
 * A policy that has changed counts as many units on, and they fall at the faster of the rate they were taken under and
 * the one that is asked: raising a rate helps at once, and what was free under the old one does not come back, so that a
 * store may forget a debt once its own rate has paid it.
 */
export function debtAt(
  debt: number,
  at: number,
  weight: number,
  perMs: number,
  operation: Pick<RateOperation, 'perMs' | 'weight'>,
  now: number,
): number {
  if (debt === 0) return 0
  const elapsed = now > at ? now - at : 0
  if (weight === operation.weight) {
    const left = debt - Math.max(perMs, operation.perMs) * elapsed
    return left > 0 ? left : 0
  }
  const before = debt - perMs * elapsed
  if (before <= 0) return 0
  const left = inWeight(debt, weight, operation.weight) - operation.perMs * elapsed
  return left > 0 ? Math.min(left, inWeight(before, weight, operation.weight)) : 0
}

/** A debt made under one weight, under another: the units are the same, rounded up, in doubles as it stands here. */
export function inWeight(debt: number, from: number, to: number): number {
  return Math.min(Math.ceil((debt / from) * to), MOST_DEBT)
}

/** Units of a request that a rate has room for. */
export function rateRoom({ capacity, weight, cost }: RateOperation, debt: number): number {
  return debt >= capacity ? 0 : Math.floor((capacity - debt) / (weight * cost))
}

/** What a rate says of its debt, when it has or has not room for `units` more. */
export function rateDecision(operation: RateOperation, debt: number, units: number, allowed: boolean): LimitDecision {
  const { capacity, perMs, weight, cost } = operation
  let retryAfterMs = 0
  if (!allowed) {
    const taken = units * weight * cost
    retryAfterMs =
      taken > capacity ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil((debt - (capacity - taken)) / perMs))
  }
  return {
    allowed,
    remaining: debt >= capacity ? 0 : Math.floor((capacity - debt) / weight),
    retryAfterMs,
    resetMs: Math.ceil(debt / perMs),
  }
}

/** A sliding window: since when it runs (ms), what was taken in it and in the one before. */
export interface WindowState {
  readonly start: number
  readonly current: number
  readonly previous: number
}

/** The most units that a window counts. */
export function mostUnits(windowMs: number): number {
  return Math.floor(MOST_DEBT / windowMs)
}

/** The window that runs at a time, after what was stored under a window of `storedMs`. */
export function windowAt(stored: WindowState, storedMs: number, windowMs: number, now: number): WindowState {
  if (storedMs !== windowMs) {
    // The policy has changed: as many units count on.
    const before = windowAt(stored, storedMs, storedMs, now)
    const time = Math.max(now, before.start)
    const used = Math.ceil(weightedUse(before, storedMs, time) / storedMs)
    return { start: time - (time % windowMs), current: Math.min(used, mostUnits(windowMs)), previous: 0 }
  }
  const time = now > stored.start ? now : stored.start
  const start = time - (time % windowMs)
  if (start === stored.start) return stored
  return { start, current: 0, previous: start - stored.start === windowMs ? stored.current : 0 }
}

/** What counts at a time, times the window's ms. */
export function weightedUse({ start, current, previous }: WindowState, windowMs: number, now: number): number {
  const into = now > start ? now - start : 0
  return current * windowMs + previous * (windowMs - into)
}

/** Units of a request that a window has room for. */
export function windowRoom({ limit, windowMs, cost }: WindowOperation, state: WindowState, now: number): number {
  const free = limit * windowMs - weightedUse(state, windowMs, now)
  return free <= 0 ? 0 : Math.floor(free / (windowMs * cost))
}

/** What a window says, when it has or has not room for `units` more. */
export function windowDecision(
  operation: WindowOperation,
  state: WindowState,
  now: number,
  units: number,
  allowed: boolean,
): LimitDecision {
  const { limit, windowMs, cost } = operation
  const use = weightedUse(state, windowMs, now)
  const into = now > state.start ? now - state.start : 0
  const rest = windowMs - into
  const free = limit * windowMs - use
  let retryAfterMs = 0
  if (!allowed) {
    const taken = units * cost
    if (taken > limit) retryAfterMs = Number.POSITIVE_INFINITY
    else if (state.current + taken <= limit) {
      retryAfterMs = Math.ceil((use - (limit - taken) * windowMs) / state.previous)
    } else retryAfterMs = rest + Math.ceil(((state.current - (limit - taken)) * windowMs) / state.current)
    retryAfterMs = Math.max(1, retryAfterMs)
  }
  return {
    allowed,
    remaining: free <= 0 ? 0 : Math.floor(free / windowMs),
    retryAfterMs,
    resetMs: state.current > 0 ? rest + windowMs : state.previous > 0 ? rest : 0,
  }
}

/** The longest guess at when a lease ends. */
const LEASE_GUESS_MS = 1_000

/** What concurrency says of the units held. `soonestMs`, `latestMs`: until the first and the last of the leases end. */
export function concurrencyDecision(
  { limit, cost }: ConcurrencyOperation,
  held: { readonly units: number; readonly soonestMs: number; readonly latestMs: number },
  units: number,
  allowed: boolean,
): LimitDecision {
  let retryAfterMs = 0
  if (!allowed) {
    retryAfterMs =
      units * cost > limit ? Number.POSITIVE_INFINITY : Math.max(1, Math.min(held.soonestMs, LEASE_GUESS_MS))
  }
  return { allowed, remaining: Math.max(0, limit - held.units), retryAfterMs, resetMs: held.latestMs }
}
