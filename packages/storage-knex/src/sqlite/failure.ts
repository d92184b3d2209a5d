import { ThroughlineError } from '@throughline/core/storage'
import type { Failure } from './protocol.ts'

/** An error as it can cross to another thread: whatever the database says means that the records are not reachable. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ThroughlineError) {
    return {
      code: error.code,
      message: error.sentence,
      details: error.details,
      ...(error.cause !== undefined && { cause: causeOf(error.cause) }),
    }
  }
  const cause = causeOf(error)
  return {
    code: 'RECORDS_UNAVAILABLE',
    message: `The records database is not reachable: ${cause.message}.`,
    details: cause.code === undefined ? {} : { sqlite: cause.code },
    cause,
  }
}

/** The error that a failure stands for. */
export function errorOf({ code, message, details, cause }: Failure): ThroughlineError {
  return new ThroughlineError(code, {
    ...(message !== undefined && { message }),
    ...(details && { details }),
    ...(cause && { cause: Object.assign(new Error(cause.message), cause) }),
  })
}

/** The records can't be reached, and why. */
export function unavailable(message: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('RECORDS_UNAVAILABLE', { message, ...(cause !== undefined && { cause }) })
}

/** Whether a connection that raised this can't be trusted any more and has to be opened anew. */
export function isBroken(error: unknown): boolean {
  const code = causeOf(error).code ?? ''
  return /^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|READONLY|PROTOCOL|NOMEM|MISUSE|INTERNAL)/.test(code)
}

/** Whether SQLite may have undone the whole transaction, not only the statement (its documentation of ROLLBACK). */
export function undoesAll(error: unknown): boolean {
  return isBroken(error) || /^SQLITE_(FULL|BUSY|LOCKED|INTERRUPT)/.test(causeOf(error).code ?? '')
}

function causeOf(error: unknown): NonNullable<Failure['cause']> {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { name: error.name, message: error.message, ...(code !== undefined && { code }) }
}
