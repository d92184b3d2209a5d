import { ThroughlineError } from './errors.ts'

/** A driver's own error tells a client nothing and has no status; for the `catch` of what reads a storage. */
export function unavailable(error: unknown): never {
  throw error instanceof ThroughlineError ? error : new ThroughlineError('RECORDS_UNAVAILABLE', { cause: error })
}
