import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { LimitsStore } from './limits.ts'
import type { Storage } from './storage.ts'

/**
 * One storage made of two: the records of the first, the limits of another store. Records can't be split further: a
 * change and its journal record share one transaction.
 *
 * @example
 * const storage = combine(knexStorage({ app: database }), { limits: memoryLimits() })
 *
 * @throws ThroughlineError `OPTIONS_INVALID` for any other part, or what is no storage
 */
export function combine(storage: Storage, parts: { readonly limits: LimitsStore }): Storage {
  if (typeof storage?.records?.append !== 'function') {
    throw invalid('the first parameter must be a storage: memoryStorage(), knexStorage(…) or one of your own.')
  }
  if (typeof parts !== 'object' || parts === null) throw invalid('the second parameter must be { limits }.')
  for (const part of Object.keys(parts)) {
    if (part === 'limits') continue
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: `combine() can replace "limits" only, not "${part}": everything else shares one transaction.${didYouMean(part, ['limits'])}`,
      details: { part },
    })
  }
  if (typeof parts.limits?.decide !== 'function') {
    throw new ThroughlineError('OPTIONS_INVALID', { message: 'combine() needs a limits store under "limits".' })
  }
  return { records: storage.records, limits: parts.limits }
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `combine: ${problem} It is called as combine(knexStorage({ app }), { limits: memoryLimits() }).`,
    details: { problems: [problem] },
  })
}
