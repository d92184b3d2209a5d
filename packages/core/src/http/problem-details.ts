import type { ErrorCode } from '../errors.ts'
import { ThroughlineError } from '../errors.ts'
import type { Answer } from './replaced-response.ts'

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

const WITHHELD = 'The server could not handle the request.'

/** Details that a client may know, by their names. The others may name tenants, or the inside. */
const TOLD = ['violated-policies', 'retryAfter', 'issues', 'problems']

/**
 * The HTTP answer to one of our errors: problem details (RFC 9457). `undefined` for any other error. The sentence is
 * told only where the error allows it, details never unless they are listed here, and no cache keeps it.
 */
export function problemOf(error: unknown): Answer | undefined {
  if (!(error instanceof ThroughlineError)) return undefined
  const problem: Record<string, unknown> = {
    type: typeof error.details.type === 'string' ? error.details.type : problemType(error.code),
    title: REASONS[error.status] ?? 'Error',
    status: error.status,
    detail: error.expose ? error.sentence : WITHHELD,
    code: error.code,
  }
  for (const name of TOLD) {
    if (error.expose && error.details[name] !== undefined) problem[name] = error.details[name]
  }
  return {
    status: error.status,
    headers: {
      'Cache-Control': 'no-store',
      ...(error.status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...error.headers,
      'Content-Type': 'application/problem+json',
    },
    body: JSON.stringify(problem),
  }
}

/** `LIMIT_EXCEEDED` → `https://throughline.dev/problems/limit-exceeded`. */
function problemType(code: ErrorCode): string {
  return `https://throughline.dev/problems/${code.toLowerCase().replaceAll('_', '-')}`
}
