import { ThroughlineError } from '../errors.ts'
import type { Guard } from './guard.ts'

/**
 * Guards as they were given, looked at once, where they are mounted: a place that looks guarded and is not must not be.
 *
 * @param mount what they are given to: `guard`, `guarded`
 * @throws ThroughlineError `OPTIONS_INVALID` when there is none, or one of them is no guard
 */
export function guardList(mount: string, given: readonly Guard[]): readonly Guard[] {
  if (given.length === 0) refuse(mount, "it guards nothing; give it a guard: guard(rateLimit('api')).")
  given.forEach((guard: unknown, i) => {
    if (isGuard(guard)) return
    const kind = Array.isArray(guard) ? 'a list: spread it' : typeof guard === 'function' ? 'a function' : String(guard)
    refuse(
      mount,
      `its parameter ${i + 1} is no guard but ${kind}. Give what rateLimit(…), requireRole(…) and such return.`,
    )
  })
  return [...given]
}

function isGuard(value: unknown): value is Guard {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Guard>).check === 'function'
}

function refuse(mount: string, problem: string): never {
  throw new ThroughlineError('OPTIONS_INVALID', { message: `${mount}: ${problem}`, details: { problems: [problem] } })
}
