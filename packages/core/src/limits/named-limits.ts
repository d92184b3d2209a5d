import { callOptionProblem } from '../call-options.ts'
import { describe } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { ConsumeOptions, LimitsScope } from './limits.ts'
import type { ResolvedLimit } from './limits-view.ts'

/** What a call asks for by name: one limit, or several. */
export type Names = string | readonly string[]

const OPTIONS = ['cost', 'partial']

/** @throws ThroughlineError `LIMIT_NOT_HELD` if one of them says what may run at once */
export function refuseHolding(limits: readonly ResolvedLimit[]): void {
  const held = limits.find(({ isHeld }) => isHeld)
  if (held) throw notHeld(held)
}

export function notHeld({ name }: ResolvedLimit): ThroughlineError {
  return new ThroughlineError('LIMIT_NOT_HELD', {
    message: `The limit "${name}" says how many calls may run at once: it is held, not consumed.`,
  })
}

/** @throws ThroughlineError `LIMIT_UNKNOWN` */
export function limitsIn(scope: LimitsScope, names: Names, now: number): readonly ResolvedLimit[] {
  if (typeof names === 'string') return [limitIn(scope, names, now)]
  if (!Array.isArray(names) || names.length === 0) {
    throw new ThroughlineError('LIMIT_UNKNOWN', { message: 'There is no name of a limit.' })
  }
  return [...new Set(names as readonly string[])].map((name) => limitIn(scope, name, now))
}

/** The limit as it holds now. @throws ThroughlineError `LIMIT_UNKNOWN` */
export function limitIn(scope: LimitsScope, name: string, now: number): ResolvedLimit {
  const limits = scope.snapshot.limits
  const limit = limits.get(name)
  if (limit === undefined) {
    const asked = String(name).slice(0, 100)
    throw new ThroughlineError('LIMIT_UNKNOWN', {
      message: `No limit has the name "${asked}".${didYouMean(asked, [...limits.keys()])}`,
    })
  }
  return limit.next !== undefined && limit.until !== undefined && now >= limit.until ? limit.next : limit
}

/** @throws ThroughlineError `LIMIT_COST_INVALID` */
export function costOf(options: ConsumeOptions | undefined): number {
  if (options === undefined) return 1
  refuseUnknown(options)
  const { cost = 1 } = options
  if (Number.isSafeInteger(cost) && cost >= 1) return cost
  throw new ThroughlineError('LIMIT_COST_INVALID', { message: `The cost ${describe(cost)} is not valid.` })
}

/** A cost that is not read would count as 1. */
function refuseUnknown(options: unknown): void {
  const message = callOptionProblem(options, OPTIONS, 'a limit')
  if (message === undefined) return
  throw new ThroughlineError('LIMIT_COST_INVALID', { message, remedy: 'Pass `{ cost: … }`, or nothing.' })
}
