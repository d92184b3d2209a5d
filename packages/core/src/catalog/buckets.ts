/** How ids fall into buckets, of every flag that does not say it: a later way moves nobody who does not ask for it. */
export const ALGORITHM = 1

/** A percentage is exact to a thousandth. */
export const BUCKETS = 100_000

/** How many buckets a percentage takes: all by 100 alone. Buckets below it are in, so who is in stays in while it grows. */
export function bucketsIn(percent: number): number {
  const nearest = Math.round((percent * BUCKETS) / 100)
  return percent < 100 ? Math.min(nearest, BUCKETS - 1) : nearest
}
