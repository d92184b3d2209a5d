import type { FlagDefinition } from '../../catalog/definitions.ts'
import { describe } from '../../catalog/problems.ts'
import { didYouMean } from '../../did-you-mean.ts'
import { MOMENT_HINT, momentOf } from '../../moment.ts'
import type { OverrideOptions } from '../../platform-port.ts'
import type { StoredOverride } from '../stored-override.ts'
import { flagInvalid } from './flag-invalid.ts'

const MAX_REASON = 500

/**
 * Checks an override of one tenant.
 *
 * @param now ms
 * @throws ThroughlineError `FLAG_INVALID`
 */
export function newFlagOverride(
  key: string,
  { variants }: FlagDefinition,
  value: boolean | string,
  { until, reason }: OverrideOptions,
  now: number,
): StoredOverride {
  const valid = variants ? typeof value === 'string' && Object.hasOwn(variants, value) : typeof value === 'boolean'
  if (!valid) {
    const given = String(value).slice(0, 100)
    throw flagInvalid(
      variants
        ? `"${given}" is no variant of "${key}".${didYouMean(given, Object.keys(variants))}`
        : `"${key}" is a boolean flag: it is true or false, not ${describe(value)}.`,
    )
  }
  const end = until === undefined ? undefined : momentOf(until)
  if (until !== undefined && end === undefined) throw flagInvalid(`"until" is no time: ${MOMENT_HINT}`)
  if (end !== undefined && end <= now) throw flagInvalid('"until" must be in the future.')
  if (reason !== undefined && (typeof reason !== 'string' || reason.trim() === '' || reason.length > MAX_REASON)) {
    throw flagInvalid(`"reason" must be a text of 1 to ${MAX_REASON} characters.`)
  }
  return { value, ...(end !== undefined && { until: end }), ...(reason !== undefined && { reason }) }
}
