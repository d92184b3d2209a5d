import { callOptionProblem } from '../call-options.ts'
import type { LimitDefinition } from '../catalog/definitions.ts'
import { limitProblems } from '../catalog/limit-problems.ts'
import { ThroughlineError } from '../errors.ts'
import { MOMENT_HINT, momentOf } from '../moment.ts'
import type { OverrideOptions } from '../platform-port.ts'
import type { Json } from '../vocabulary.ts'

/** A limit of one tenant's own, in place of its plan's. */
export interface LimitOverride {
  readonly limit: LimitDefinition
  /** ms since the epoch: from then on the plan's limit holds again. Absent: until it is taken back. */
  readonly until?: number
  /** Why the tenant has it. */
  readonly reason?: string
}

const MAX_REASON = 500

/**
 * Checks an override before it is stored.
 *
 * @param given `reason`: where the options say none
 * @throws ThroughlineError `LIMIT_INVALID`, with `details.problems`
 */
export function newLimitOverride(
  limit: LimitDefinition,
  options: OverrideOptions,
  given: { readonly reason: string; readonly now: number },
): LimitOverride {
  const problems = limitProblems(limit).map(({ path, message }) => `The limit${path && ` (${path})`} ${message}`)
  const misfit = callOptionProblem(options, ['until', 'reason'], 'an override')
  if (misfit !== undefined) problems.push(misfit)
  const { until, reason = given.reason } = options ?? {}
  const end = until === undefined ? undefined : momentOf(until)
  if (until !== undefined && end === undefined) problems.push(`"until" is no time: ${MOMENT_HINT}`)
  else if (end !== undefined && end <= given.now) problems.push('"until" must be in the future.')
  if (typeof reason !== 'string' || reason.length > MAX_REASON) {
    problems.push(`"reason" must be a text of ${MAX_REASON} characters at the most.`)
  }
  if (problems.length > 0) {
    throw new ThroughlineError('LIMIT_INVALID', { message: problems.join(' '), details: { problems } })
  }
  return { limit, reason, ...(end !== undefined && { until: end }) }
}

/** The override as it is stored. */
export function limitOverrideValue({ limit, until, reason }: LimitOverride): Json {
  return {
    limit: limit as unknown as Json,
    ...(until !== undefined && { until }),
    ...(reason !== undefined && { reason }),
  }
}

/** A stored override, or `undefined` when it can not be read: then the plan's limit holds. */
export function readLimitOverride(value: Json): LimitOverride | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { until, limit, reason } = value as { readonly until?: Json; readonly limit?: Json; readonly reason?: Json }
  if (limitProblems(limit).length > 0) return undefined
  return {
    limit: limit as unknown as LimitDefinition,
    ...(typeof until === 'number' && { until }),
    ...(typeof reason === 'string' && { reason }),
  }
}
