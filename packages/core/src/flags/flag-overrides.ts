import type { StoredDocument } from '../storage/records.ts'
import type { Json } from '../vocabulary.ts'

export interface FlagOverrides {
  readonly values: ReadonlyMap<string, Json>
  /** ms: when the first of them ends. */
  readonly validUntil: number | undefined
}

/** Overrides of one tenant that still count. */
export function readFlagOverrides(documents: readonly StoredDocument[], now: number): FlagOverrides {
  const values = new Map<string, Json>()
  let validUntil: number | undefined
  for (const { kind, key, value } of documents) {
    if (kind !== 'flag_overrides') continue
    const stored = value as { readonly value: Json; readonly until?: number }
    if (stored.until !== undefined && stored.until <= now) continue
    values.set(key, stored.value)
    if (stored.until !== undefined) validUntil = Math.min(stored.until, validUntil ?? stored.until)
  }
  return { values, validUntil }
}
