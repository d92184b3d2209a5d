import { ThroughlineError } from './errors.ts'

/** What a query is refused with: everything that is wrong with it, since an empty answer would look like nothing there. */
export function queryInvalid(...problems: readonly string[]): ThroughlineError {
  return new ThroughlineError('QUERY_INVALID', { message: problems.join(' '), details: { problems } })
}
