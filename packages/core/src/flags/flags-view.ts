import type { Json } from '../vocabulary.ts'
import type { CompiledFlags } from './compile-flags.ts'
import type { FlagDecision } from './evaluation.ts'

/** What one snapshot of one tenant knows of flags. */
export interface FlagsView {
  readonly flags: CompiledFlags
  /** What overrides and plan features say, whatever the rules say. */
  readonly forced: ReadonlyMap<string, FlagDecision>
  /** Answers that hold for the whole tenant: those that are forced, and what was found out since. */
  readonly decided: Map<string, FlagDecision>
  /** The definitions could not be confirmed lately: evaluations say so. */
  readonly stale: boolean
}

export interface PlanFeatures {
  readonly plan: string
  /** Boolean flags that are on. */
  readonly features: readonly string[]
}

/**
 * One tenant's view. What an override or a plan says of a flag that is gone, or has no such variant any more, counts
 * for nothing.
 *
 * @param overrides by flag: a boolean, or the name of a variant
 * @param plan the tenant's plan and its features, `undefined` without a plan
 * @param stale the definitions could not be confirmed lately
 */
export function flagsView(
  flags: CompiledFlags,
  overrides: ReadonlyMap<string, Json>,
  plan: PlanFeatures | undefined,
  stale = false,
): FlagsView {
  const forced = new Map<string, FlagDecision>()
  const force = (key: string, value: Json, rule: string): void => {
    const decision = flags.get(key)?.forced(value, rule)
    if (decision) forced.set(key, decision)
  }
  for (const feature of plan?.features ?? []) force(feature, true, `plan:${plan?.plan}`)
  for (const [key, value] of overrides) force(key, value, 'override')
  return { flags, forced, decided: new Map(forced), stale }
}
