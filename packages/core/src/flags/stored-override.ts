import type { Json } from '../vocabulary.ts'

/** An override of one tenant as it is stored. */
export type StoredOverride = {
  readonly value: boolean | string
  /** ms: it counts up to then. */
  readonly until?: number
  /** Why, as the operator says it. */
  readonly reason?: string
}

/** An override that is stored, if it counts at a time, ms. */
export function readOverride(value: Json, now: number): StoredOverride | undefined {
  const stored = value as unknown as StoredOverride
  return stored.until === undefined || stored.until > now ? stored : undefined
}
