import type { FlagDefinition, FlagMetadata, FlagPrerequisite, FlagRule } from '../catalog/definitions.ts'
import { ruleId } from '../catalog/rule-id.ts'
import { MAX_ASKED } from '../catalog/ways.ts'
import { frozenCopy } from '../frozen-copy.ts'
import type { Json } from '../vocabulary.ts'
import type { FlagSubject } from './attribute.ts'
import type { RuleSources } from './compiled-rule.ts'
import { CompiledRule } from './compiled-rule.ts'
import type { FlagReason } from './evaluation.ts'
import { FlagDecision } from './evaluation.ts'
import type { FlagStep } from './explanation.ts'

/** Decisions that hold for a whole tenant, by flag. */
type Decided = ReadonlyMap<string, FlagDecision>

interface CompiledPrerequisite extends FlagPrerequisite {
  /** `undefined` for a flag that is not there (any more), or whose prerequisites lead back here: never met. */
  readonly asked: CompiledFlag | undefined
  /** The variant that it must have. */
  readonly variant: string
  readonly unmet: FlagDecision
}

/** What a boolean flag has for variants. */
const BOOLEAN: ReadonlyMap<string, Json> = new Map([
  ['on', true],
  ['off', false],
])

/** What a flag is compiled with. */
export interface FlagSources extends RuleSources {
  /** Of the definition, if it was made at run time. */
  readonly version?: number | undefined
  flag(key: string): CompiledFlag | undefined
}

/** One flag, ready to be evaluated. */
export class CompiledFlag {
  readonly key: string
  readonly enabled: boolean
  /** Whether every actor of a tenant gets the same answer at any time, which then need not be found twice. */
  readonly byTenant: boolean
  /** Flags that are asked for it along all ways, itself included. */
  readonly asks: number
  readonly #about: { readonly version?: number; readonly metadata?: FlagMetadata }
  readonly #variants: ReadonlyMap<string, Json>
  readonly #isBoolean: boolean
  readonly #prerequisites: readonly CompiledPrerequisite[]
  readonly #rules: readonly CompiledRule[]
  readonly #fallback: FlagDecision
  readonly #keyless: FlagDecision
  readonly #failed: FlagDecision
  /** Decisions of overrides and plans, by rule and variant: as few as there are plans and variants. */
  readonly #forced = new Map<string, FlagDecision>()

  constructor(key: string, definition: FlagDefinition, sources: FlagSources) {
    const rules: readonly FlagRule[] = definition.rules ?? []
    const { prerequisites = [] } = definition
    this.key = key
    this.enabled = definition.enabled ?? true
    this.#about = {
      ...(sources.version !== undefined && { version: sources.version }),
      ...(definition.metadata && { metadata: Object.freeze({ ...definition.metadata }) }),
    }
    this.#isBoolean = definition.variants === undefined
    this.#variants = variantsOf(definition)
    const { default: served } = definition
    const base = rules.length + prerequisites.length === 0 ? 'STATIC' : 'DEFAULT'
    this.#fallback = this.#decision(served, this.enabled ? base : 'DISABLED')
    this.#failed = this.#decision(served, 'ERROR', { errorCode: 'GENERAL' })
    this.#keyless = this.#decision(served, 'TARGETING_KEY_MISSING', { errorCode: 'TARGETING_KEY_MISSING' })
    const needed = prerequisites.map(({ flag }) => sources.flag(flag))
    const asks = needed.reduce((sum, asked) => sum + (asked?.asks ?? 0), 1)
    this.asks = Math.min(asks, MAX_ASKED)
    this.#prerequisites = prerequisites.map((prerequisite, i) => ({
      ...prerequisite,
      // What has come to ask too much by changes of others is never met.
      asked: asks > MAX_ASKED ? undefined : needed[i],
      variant: variantName(prerequisite.is),
      unmet: this.#decision(served, 'DEFAULT', { rule: `prerequisite:${prerequisite.flag}` }),
    }))
    this.#rules = rules.map((rule, i) => this.#compiled(rule, ruleId(rule, i), definition.seed ?? key, sources))
    this.byTenant =
      !this.enabled ||
      (this.#rules.every(({ byTenant }) => byTenant) &&
        this.#prerequisites.every(({ asked }) => asked === undefined || asked.byTenant))
  }

  /**
   * Prerequisites, then rules in order, then the default; allocates nothing.
   *
   * @param decided what is known already of other flags of the tenant
   */
  evaluate(subject: FlagSubject, decided: Decided): FlagDecision {
    if (!this.enabled) return this.#fallback
    try {
      for (const prerequisite of this.#prerequisites) {
        if (askedVariant(prerequisite, subject, decided) !== prerequisite.variant) return prerequisite.unmet
      }
      let keyless = false
      for (const rule of this.#rules) {
        if (!rule.applies(subject)) continue
        if (rule.isKeyless(subject)) keyless = true
        else if (rule.includes(subject)) return rule.serve(subject)
      }
      return keyless ? this.#keyless : this.#fallback
    } catch {
      // An attribute of the app's that can not be read must not fail the request: the default is what is safe.
      return this.#failed
    }
  }

  /** The steps that `evaluate` takes, and what each saw. Ends early where something can not be read. */
  explain(subject: FlagSubject, decided: Decided): readonly FlagStep[] {
    const steps: FlagStep[] = []
    try {
      for (const prerequisite of this.#prerequisites) {
        const { flag, is } = prerequisite
        const variant = askedVariant(prerequisite, subject, decided)
        const unmet = variant !== prerequisite.variant
        steps.push({ step: 'prerequisite', decided: unmet, flag, is, ...(variant !== undefined && { variant }) })
        if (unmet) return steps
      }
      for (const rule of this.#rules) {
        // Throws where `evaluate` does.
        rule.applies(subject)
        const step = rule.explain(subject)
        steps.push(step)
        if (step.decided) return steps
      }
    } catch {
      // As in `evaluate`: the default.
    }
    return [...steps, { step: 'default', decided: true }]
  }

  /** The decision of a tenant's override or a plan, or `undefined` when the flag can not have this value (any more). */
  forced(value: Json, rule: string): FlagDecision | undefined {
    if (!this.enabled || !this.accepts(value)) return undefined
    const id = `${rule}\n${String(value)}`
    let decision = this.#forced.get(id)
    if (!decision) {
      decision = this.#decision(value as string | boolean, 'TARGETING_MATCH', { rule })
      this.#forced.set(id, decision)
    }
    return decision
  }

  /** Whether an override may say this: a boolean, or a variant's name. */
  accepts(value: Json): boolean {
    return this.#isBoolean ? typeof value === 'boolean' : typeof value === 'string' && this.#variants.has(value)
  }

  #compiled(rule: FlagRule, id: string, seed: string, sources: RuleSources): CompiledRule {
    return new CompiledRule(rule, {
      id,
      seed,
      sources,
      decision: (served, drawn) => this.#decision(served, drawn ? 'SPLIT' : 'TARGETING_MATCH', { rule: id }),
    })
  }

  #decision(
    served: string | boolean,
    reason: FlagReason,
    why: { readonly rule?: string; readonly errorCode?: 'GENERAL' | 'TARGETING_KEY_MISSING' } = {},
  ): FlagDecision {
    const variant = variantName(served)
    const value = this.#variants.get(variant) ?? null
    return new FlagDecision(this.key, { value, variant, reason, ...why, ...this.#about })
  }
}

function variantsOf({ variants }: FlagDefinition): ReadonlyMap<string, Json> {
  if (variants === undefined) return BOOLEAN
  // A value is handed to everybody who asks: nobody may change it.
  return new Map(Object.entries(variants).map(([name, value]) => [name, frozenCopy(value)]))
}

function askedVariant(
  { flag, asked }: CompiledPrerequisite,
  subject: FlagSubject,
  decided: Decided,
): string | undefined {
  // What is never met is not met by what is known of it either: else it would matter which flag was asked first.
  return asked && (decided.get(flag) ?? asked.evaluate(subject, decided)).evaluation.variant
}

function variantName(served: string | boolean): string {
  return typeof served === 'boolean' ? (served ? 'on' : 'off') : served
}
