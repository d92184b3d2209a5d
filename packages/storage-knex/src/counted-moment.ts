/** A period of a quota has 31 days at the most, and an hour that the clock shows twice. */
const LONGEST = 33 * 86_400_000

/** A moment as the names of quotas' periods are compared with it (see `periodHolds`). */
export interface CountedMoment {
  /** ISO 8601, as names are written. */
  readonly at: string
  /** Names of periods that hold it are ordered after this one … */
  readonly after: string
  /** … and before this one: what begins at the very moment goes on with `/`. */
  readonly before: string
}

export function countedMoment(time: number): CountedMoment {
  const at = new Date(time).toISOString()
  return { at, after: new Date(time - LONGEST).toISOString(), before: `${at}0` }
}
