import { describe, isObject, type Problem, Problems } from './problems.ts'

/** The longest window: 366 days. */
const MAX_WINDOW_MS = 366 * 86_400_000
/** Limit names travel in structured headers (RFC 9651). */
const LIMIT_NAME = /^[A-Za-z0-9][\w.:/-]*$/

/** What is wrong with a rate limit; nothing if it is right. */
export function limitProblems(limit: unknown, path = ''): readonly Problem[] {
  const problems = new Problems()
  if (!isObject(limit) || limit.kind !== 'rate') {
    problems.add(path, `must be made by perSecond, perMinute, perHour or perDay, not ${describe(limit)}.`)
    return problems.list
  }
  problems.unknownKeys(path, limit, ['kind', 'limit', 'windowMs', 'burst'])
  whole(problems, path, 'limit', limit.limit, Number.MAX_SAFE_INTEGER)
  whole(problems, path, 'window in ms', limit.windowMs, MAX_WINDOW_MS)
  // Absent, the burst is the limit: one complaint is enough.
  if (!Object.is(limit.burst, limit.limit)) whole(problems, path, 'burst', limit.burst, Number.MAX_SAFE_INTEGER)
  return problems.list
}

/** What is wrong with a limit's name; nothing if it is right. */
export function limitNameProblems(name: string, path: string): readonly Problem[] {
  return LIMIT_NAME.test(name)
    ? []
    : [{ path, message: 'must be a name of letters, digits and _ . : / - (it is sent in headers).' }]
}

/** What is wrong with a quota; nothing if it is right. */
export function quotaProblems(quota: unknown, path = ''): readonly Problem[] {
  const problems = new Problems()
  if (!isObject(quota) || quota.kind !== 'quota') {
    problems.add(path, `must be made by quotaPerDay or quotaPerMonth, not ${describe(quota)}.`)
    return problems.list
  }
  problems.unknownKeys(path, quota, ['kind', 'limit', 'period', 'hard'])
  const { limit, period, hard } = quota
  if (!Number.isSafeInteger(limit) || (limit as number) < 0) {
    problems.add(path, `must have a limit that is a whole number, 0 or more, not ${describe(limit)}.`)
  }
  if (period !== 'day' && period !== 'month')
    problems.add(path, `must have the period day or month, not ${describe(period)}.`)
  if (typeof hard !== 'boolean') problems.add(path, `must say hard: true or hard: false, not ${describe(hard)}.`)
  return problems.list
}

function whole(problems: Problems, path: string, what: string, value: unknown, max: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max) return
  problems.add(
    path,
    `must have a ${what} that is a whole number ${max === Number.MAX_SAFE_INTEGER ? 'above 0' : `from 1 to ${max}`}, not ${describe(value)}.`,
  )
}
