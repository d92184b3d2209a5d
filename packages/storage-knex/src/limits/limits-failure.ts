import { ThroughlineError } from '@throughline/core/storage'

/** No decision could be had, and why. */
export function limitsUnavailable(message: string, cause?: unknown): ThroughlineError {
  const details = cause instanceof ThroughlineError ? cause.details : {}
  const root = cause instanceof ThroughlineError ? (cause.cause ?? cause) : cause
  return new ThroughlineError('RECORDS_UNAVAILABLE', { message, details, ...(root !== undefined && { cause: root }) })
}

/** What a pool or a thread of records says, said of limits. */
export function ofLimits(error: unknown): unknown {
  if (!(error instanceof ThroughlineError) || error.code !== 'RECORDS_UNAVAILABLE') return error
  return limitsUnavailable(`The limits database ${whyOf(error)}.`, error)
}

function whyOf({ details }: ThroughlineError): string {
  if (details['unanswered'] === true) return 'did not answer in time'
  if (details['postgres'] === '42501') return 'does not give this role the rights it needs'
  if (details['postgres'] === '25006') return 'only reads'
  return 'is not reachable'
}
