import type { RateLimit, SlidingWindow } from './definitions.ts'
import { isCountable } from './limit-units.ts'
import { describe, isObject, join, type Problem, Problems } from './problems.ts'

/** The longest window: 366 days. */
const MAX_WINDOW_MS = 366 * 86_400_000
const MAX_TTL_MS = 86_400_000
const MAX_LEASE_MS = 60_000
/** Operations that a store decides at once. */
const MAX_POLICIES = 16
/** Limit names travel in structured headers (RFC 9651). */
const LIMIT_NAME = /^[A-Za-z0-9][\w.:/-]*$/

const COMMON = ['kind', 'limit', 'by', 'cost', 'shadow', 'nearAt', 'priority', 'whenUnavailable', 'flag']
const COUNTED = [...COMMON, 'windowMs', 'fairShare', 'lease']
const KEYS: Readonly<Record<string, readonly string[]>> = {
  rate: [...COUNTED, 'burst'],
  window: COUNTED,
  concurrency: [...COMMON, 'ttlMs'],
}
const CHOICES = {
  by: ['tenant', 'actor', 'route', 'platform'],
  priority: ['critical', 'high', 'normal', 'low'],
  whenUnavailable: ['local', 'open', 'closed'],
} as const

/** What is wrong with a limit, a policy or a list of them; nothing if it is right. */
export function limitProblems(limit: unknown, path = ''): readonly Problem[] {
  const problems = new Problems()
  if (!Array.isArray(limit)) checkPolicy(problems, limit, path)
  else if (limit.length === 0 || limit.length > MAX_POLICIES) {
    problems.add(path, `must have 1 to ${MAX_POLICIES} policies, not ${limit.length}.`)
  } else for (const [i, policy] of limit.entries()) checkPolicy(problems, policy, join(path, String(i)))
  return problems.list
}

function checkPolicy(problems: Problems, policy: unknown, path: string): void {
  const kind = isObject(policy) ? policy.kind : undefined
  const known = typeof kind === 'string' && Object.hasOwn(KEYS, kind) ? KEYS[kind] : undefined
  if (!isObject(policy) || !known) {
    problems.add(
      path,
      `must be made by perSecond, perMinute, perHour, perDay, slidingWindow or concurrent, not ${describe(policy)}.`,
    )
    return
  }
  problems.unknownKeys(path, policy, known)
  whole(problems, path, 'limit', policy.limit, Number.MAX_SAFE_INTEGER)
  if (policy.kind === 'concurrency') whole(problems, path, 'ttlMs', policy.ttlMs, MAX_TTL_MS)
  else checkCounted(problems, policy, path)
  if (policy.cost !== undefined) whole(problems, path, 'cost', policy.cost, Number.MAX_SAFE_INTEGER)
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = policy[name]
    if (value !== undefined && !(choices as readonly unknown[]).includes(value)) {
      problems.add(path, `must have a ${name} that is ${choices.join(', ')}, not ${describe(value)}.`)
    }
  }
  for (const name of ['shadow', 'fairShare']) {
    const value = policy[name]
    if (value !== undefined && typeof value !== 'boolean') {
      problems.add(path, `must say ${name}: true or ${name}: false, not ${describe(value)}.`)
    }
  }
  const { nearAt } = policy
  if (nearAt !== undefined && !(typeof nearAt === 'number' && nearAt > 0 && nearAt < 1)) {
    problems.add(path, `must have a nearAt above 0 and below 1, not ${describe(nearAt)}.`)
  }
  problems.optionalText(join(path, 'flag'), policy.flag)
}

function checkCounted(problems: Problems, policy: Readonly<Record<string, unknown>>, path: string): void {
  const { limit, windowMs, burst, lease } = policy
  whole(problems, path, 'window in ms', windowMs, MAX_WINDOW_MS)
  // Absent, the burst is the limit: one complaint is enough.
  if (policy.kind === 'rate' && !Object.is(burst, limit)) {
    whole(problems, path, 'burst', burst, Number.MAX_SAFE_INTEGER)
  }
  if (problems.list.length === 0 && !isCountable(policy as unknown as RateLimit | SlidingWindow)) {
    problems.add(path, 'must have a smaller limit, or a shorter window: so many units can not be counted exactly.')
  }
  if (policy.fairShare === true && policy.by !== undefined && policy.by !== 'tenant') {
    problems.add(path, "can share fairly only what is the tenant's: fairShare goes with by: 'tenant'.")
  }
  if (lease === undefined) return
  if (!isObject(lease)) {
    problems.add(join(path, 'lease'), `must be { ms, units? }, not ${describe(lease)}.`)
    return
  }
  problems.unknownKeys(join(path, 'lease'), lease, ['ms', 'units'])
  whole(problems, path, 'lease of ms', lease.ms, MAX_LEASE_MS)
  if (lease.units !== undefined) whole(problems, path, 'lease of units', lease.units, Number.MAX_SAFE_INTEGER)
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
