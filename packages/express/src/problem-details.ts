import { clearBodyHeaders, problemOf, recordError } from '@throughline/core/http'
import type { ErrorRequestHandler } from 'express'

const MAX_CAUSES = 5

/**
 * Error handler for the last place: puts every error on the request's record, answers ours with problem details
 * (RFC 9457) and passes on all others.
 *
 * @example app.use(problemDetails())
 */
export function problemDetails(): ErrorRequestHandler {
  return function problemDetails(error: unknown, request, response, next) {
    recordError(error)
    const problem = problemOf(error)
    if (!problem || response.headersSent) {
      next(error)
      return
    }
    // As Express does with what it answers itself; remedy and cause are for whoever reads the log.
    if (problem.status >= 500 && request.app.get('env') !== 'test') console.error(stackOf(error))
    clearBodyHeaders(response)
    response.statusCode = problem.status
    for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value)
    response.setHeader('Content-Length', Buffer.byteLength(problem.body))
    response.end(problem.body)
  }
}

/** With those of its causes; nothing else of them: what a driver's error has on it may be values of rows. */
function stackOf(error: unknown): string {
  const stacks: string[] = []
  for (let each = error; each instanceof Error && stacks.length < MAX_CAUSES; each = each.cause) {
    stacks.push(each.stack ?? each.message)
  }
  return stacks.join('\nCaused by: ')
}
