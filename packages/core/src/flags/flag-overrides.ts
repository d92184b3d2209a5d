import type { StoredDocument } from '../storage/records.ts'
import type { Json } from '../vocabulary.ts'
import { readOverride } from './stored-override.ts'

/** What overrides say at a time, by flag. */
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
    const override = readOverride(value, now)
    if (!override) continue
    values.set(key, override.value)
    if (override.until !== undefined) validUntil = Math.min(override.until, validUntil ?? override.until)
  }
  return { values, validUntil }
}
