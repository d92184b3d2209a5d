import { murmur3 } from './murmur3.ts'

/** A percentage is exact to a thousandth. */
const BUCKETS = 100_000

/** The bucket of an id, 0 to 99,999: always the same for one seed, independent between seeds. */
export function bucketOf(seed: string, id: string): number {
  return Math.floor((murmur3(`${seed}:${id}`) / 0x1_0000_0000) * BUCKETS)
}

/** How many buckets a percentage takes. Buckets below it are in, so who is in stays in while it grows. */
export function bucketsIn(percent: number): number {
  return Math.round((percent * BUCKETS) / 100)
}
