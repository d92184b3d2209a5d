import { type Asked, counted, held } from './asked.ts'
import type { LimitDecider, Terms } from './limit-decider.ts'
import { HeldLimit, type LimitHold } from './limit-hold.ts'
import type { LimitResult } from './limit-result.ts'

export interface TakenParts {
  readonly decider: LimitDecider
  /** The tenant's id. */
  readonly tenant: string
  /** The policies that counted what was taken. */
  readonly taken: Asked
  readonly terms: Terms
  readonly result: LimitResult
  readonly atEnd: 'commit' | 'release'
  /** ms since the epoch. */
  now(): number
}

/** The hold of what was taken: it is renewed, freed and given back where it was taken. */
export function holdOf({ decider, tenant, taken, terms, result, atEnd, now }: TakenParts): LimitHold {
  const { degraded } = result
  const { units } = terms
  const leases = held(taken)
  const rest = counted(taken)
  const ttls = [...leases.together, ...leases.shared, ...leases.shadow].map(({ policy }) =>
    policy.kind === 'concurrency' ? policy.ttlMs : 0,
  )
  return new HeldLimit({
    result,
    units,
    ttlMs: ttls.length > 0 ? Math.min(...ttls) : undefined,
    atEnd,
    renew: () => decider.renew(tenant, leases, terms, now(), degraded),
    async settle(actual) {
      const at = now()
      await decider.giveBack(tenant, leases, terms, at, degraded)
      const back: Terms = { units: units - actual, mode: 'take' }
      if (actual < units) await decider.giveBack(tenant, rest, back, at, degraded)
      if (actual > units) await decider.force(tenant, rest, actual - units, at)
    },
  })
}
