import { callOptionProblem } from '../call-options.ts'
import { describe } from '../catalog/problems.ts'
import { queryInvalid } from '../query-invalid.ts'

/** A page of a list that is ordered by id. */
export interface PageOptions {
  /** The id of the last one of the page before. */
  readonly after?: string
  readonly limit?: number
}

const MAX_LIMIT = 1_000

/**
 * Reads which page is asked for: what is none must not look like an empty one.
 *
 * @throws ThroughlineError `QUERY_INVALID`
 */
export function readPage(page: PageOptions): { readonly limit: number; readonly after?: string } {
  const unknown = callOptionProblem(page, ['after', 'limit'], 'a list')
  if (unknown !== undefined) throw queryInvalid(unknown)
  const { after, limit = 100 } = page
  if (after !== undefined && typeof after !== 'string')
    throw queryInvalid(`"after" must be an id, not ${describe(after)}.`)
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw queryInvalid(`"limit" is ${describe(limit)}; it must be a whole number from 1 to ${MAX_LIMIT}.`)
  }
  return { limit: Math.min(limit, MAX_LIMIT), ...(after !== undefined && { after }) }
}
