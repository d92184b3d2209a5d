import { ThroughlineError } from '@throughline/core/storage'

/** A server that answers is reached. */
const REFUSED: Readonly<Record<string, { readonly message: string; readonly remedy?: string }>> = {
  '25006': { message: 'The records database only reads: it is a standby, or set to `default_transaction_read_only`.' },
  '42501': {
    message: 'The role that uses the records lacks a right.',
    remedy: 'Give it what it needs, as the owner of the schema: `npx throughline migrate --grant <role>`.',
  },
  '53100': { message: 'The disk of the records database is full.' },
}

/** Whatever the database or its connection says means that the records are not reachable; values of rows stay out of it. */
export function failureOf(error: unknown): ThroughlineError {
  if (error instanceof ThroughlineError) return error
  const code = codeOf(error)
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  return new ThroughlineError('RECORDS_UNAVAILABLE', {
    ...(code !== undefined && REFUSED[code]),
    details: code === undefined ? {} : { postgres: code },
    cause: Object.assign(new Error(message), { name, ...(code !== undefined && { code }) }),
  })
}

/** The records can't be reached, and why. */
export function unavailable(message: string, details: Readonly<Record<string, unknown>> = {}): ThroughlineError {
  return new ThroughlineError('RECORDS_UNAVAILABLE', { message, details })
}

/** SQLSTATE, or the system's code. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Whether the connection that raised this still works: the server itself refused the statement, and stays. */
export function isRefusal(error: unknown): boolean {
  const code = codeOf(error)
  // A server that only reads is left as one that is gone: another one may have its place meanwhile.
  return isState(code) && !/^(08|57P|XX|F0|58|25006)/.test(code)
}

/** Whether a code is an SQLSTATE: the server's own, and not the system's (`EPIPE`). */
export function isState(code: unknown): code is string {
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code)
}

/** Whether the server undid a transaction only because of another one: it can be repeated as it is. */
export function isRepeatable(error: unknown): boolean {
  return /^40(001|P01)$/.test(codeOf(error) ?? '')
}
