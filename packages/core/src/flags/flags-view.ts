import type { FlagConditions, FlagDefinition } from '../catalog/definitions.ts'
import { frozenCopy } from '../frozen-copy.ts'
import type { Json } from '../vocabulary.ts'
import { CompiledFlag } from './compiled-flag.ts'
import type { Condition } from './condition.ts'
import { compileConditions } from './condition.ts'
import type { FlagDecision } from './evaluation.ts'
import { keysBehind } from './prerequisites.ts'
import type { Among, RankBounds } from './share.ts'

/** Every flag, ready to be evaluated; shared by all tenants until a definition changes. */
export type CompiledFlags = ReadonlyMap<string, CompiledFlag>

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

export interface CompileOptions {
  readonly segments?: Readonly<Record<string, FlagConditions>>
  /** Of the definitions that were changed at run time. */
  readonly versions?: ReadonlyMap<string, number>
  /** How far `exactly` reaches; without it nobody is in. */
  readonly bounds?: RankBounds
  /** ms, for subjects that say no time; without it the clock stands at 0. */
  now?(): number
}

/** Compiles valid definitions (see `flagProblems`). */
export function compileFlags(
  definitions: Readonly<Record<string, FlagDefinition>>,
  { segments = {}, versions = new Map(), bounds = () => undefined, now = () => 0 }: CompileOptions = {},
): CompiledFlags {
  const segment: (name: string) => Condition | undefined = lazily((name) => {
    const conditions = Object.hasOwn(segments, name) ? segments[name] : undefined
    return conditions && compileConditions(frozenCopy(conditions), { segment, now }, `segments.${name}`)
  })
  // Two changes at once can make a circle. Wherever one begins to go round it, nobody on it is met.
  const isRound = (key: string, asked: string): boolean => circular && keysBehind(definitions, [asked]).has(key)
  let circular = false
  const all = (): CompiledFlags => {
    const flag: (key: string) => CompiledFlag | undefined = lazily(
      (key) => {
        const definition = Object.hasOwn(definitions, key) ? definitions[key] : undefined
        const others = (asked: string) => (isRound(key, asked) ? undefined : flag(asked))
        // A copy has plain lists, and nobody changes it.
        const sources = { segment, flag: others, bounds, now, version: versions.get(key) }
        return definition && new CompiledFlag(key, frozenCopy(definition), sources)
      },
      () => {
        circular = true
      },
    )
    return new Map(Object.keys(definitions).map((key) => [key, flag(key) as CompiledFlag]))
  }
  const flags = all()
  return circular ? all() : flags
}

/** So many tenants that a rule takes exactly, by their rank. */
export interface ExactDraw {
  readonly seed: string
  readonly count: number
  /** All tenants where it is absent. */
  readonly among?: Among | undefined
}

/** What compiling these asks `bounds` for. */
export function exactDraws(
  definitions: Readonly<Record<string, FlagDefinition>>,
  options: Omit<CompileOptions, 'bounds'> = {},
): readonly ExactDraw[] {
  const draws: ExactDraw[] = []
  const exact = Object.entries(definitions).filter(([, { rules = [] }]) =>
    rules.some(({ rollout }) => rollout && 'exactly' in rollout),
  )
  const bounds: RankBounds = (seed, count, among) => {
    draws.push({ seed, count, among })
    return undefined
  }
  compileFlags(Object.fromEntries(exact), { ...options, bounds })
  return draws
}

/**
 * Makes each thing once, when it is first asked for; `undefined` for one that is asked for while it is made.
 *
 * @param onCircle told of such a one
 */
function lazily<T>(make: (name: string) => T | undefined, onCircle?: () => void): (name: string) => T | undefined {
  const made = new Map<string, T | undefined>()
  const making = new Set<string>()
  return (name) => {
    if (making.has(name)) onCircle?.()
    else if (!made.has(name)) {
      making.add(name)
      made.set(name, make(name))
      making.delete(name)
    }
    return made.get(name)
  }
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
