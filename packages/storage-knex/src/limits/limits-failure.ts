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
  const why = error.details['unanswered'] === true ? 'did not answer in time' : 'is not reachable'
  return limitsUnavailable(`The limits database ${why}.`, error)
}
