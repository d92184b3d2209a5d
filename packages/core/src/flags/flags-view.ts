import type { FlagDefinition } from '../catalog/definitions.ts'
import type { Json } from '../vocabulary.ts'
import { CompiledFlag } from './compiled-flag.ts'
import type { FlagDecision } from './evaluation.ts'

/** Every flag, ready to be evaluated; shared by all tenants until a definition changes. */
export type CompiledFlags = ReadonlyMap<string, CompiledFlag>

/** What one snapshot of one tenant knows of flags. */
export interface FlagsView {
  readonly flags: CompiledFlags
  /** Answers that hold for the whole tenant: overrides and plan features, and what was found out since. */
  readonly decided: Map<string, FlagDecision>
}

export interface PlanFeatures {
  readonly plan: string
  /** Boolean flags that are on. */
  readonly features: readonly string[]
}

/** Compiles valid definitions (see `flagProblems`). */
export function compileFlags(definitions: Readonly<Record<string, FlagDefinition>>): CompiledFlags {
  return new Map(Object.entries(definitions).map(([key, definition]) => [key, new CompiledFlag(key, definition)]))
}

/**
 * One tenant's view. What an override or a plan says of a flag that is gone, or has no such variant any more, counts
 * for nothing.
 *
 * @param overrides by flag: a boolean, or the name of a variant
 * @param plan the tenant's plan and its features, `undefined` without a plan
 */
export function flagsView(
  flags: CompiledFlags,
  overrides: ReadonlyMap<string, Json>,
  plan: PlanFeatures | undefined,
): FlagsView {
  const decided = new Map<string, FlagDecision>()
  const decide = (key: string, value: Json, rule: string): void => {
    const decision = flags.get(key)?.forced(value, rule)
    if (decision) decided.set(key, decision)
  }
  for (const feature of plan?.features ?? []) decide(feature, true, `plan:${plan?.plan}`)
  for (const [key, value] of overrides) decide(key, value, 'override')
  return { flags, decided }
}
