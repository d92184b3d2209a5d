import type { FlagDefinition, FlagRule } from '../catalog/definitions.ts'
import { frozenCopy } from '../frozen-copy.ts'
import type { Json } from '../vocabulary.ts'
import type { FlagSubject } from './attribute.ts'
import { asksActor, compileConditions, type Predicate } from './condition.ts'
import { type FlagDecision, type FlagReason, flagDecision } from './evaluation.ts'
import { bucketOf, bucketsIn } from './rollout.ts'

interface CompiledRule {
  readonly holds: Predicate
  readonly decision: FlagDecision
}

/** One flag, ready to be evaluated. */
export class CompiledFlag {
  readonly key: string
  readonly description: string | undefined
  readonly enabled: boolean
  /** Whether every actor of a tenant gets the same answer, which then need not be found twice. */
  readonly byTenant: boolean
  readonly #variants: ReadonlyMap<string, Json>
  readonly #isBoolean: boolean
  readonly #rules: readonly CompiledRule[]
  readonly #fallback: FlagDecision
  readonly #failed: FlagDecision
  /** Decisions of overrides and plans, by rule and variant: as few as there are plans and variants. */
  readonly #forced = new Map<string, FlagDecision>()

  constructor(key: string, definition: FlagDefinition) {
    const rules: readonly FlagRule[] = definition.rules ?? []
    this.key = key
    this.description = definition.description
    this.enabled = definition.enabled ?? true
    this.byTenant = rules.every((rule) => rule.rollout?.by !== 'actor' && !asksActor(rule.if))
    this.#isBoolean = definition.variants === undefined
    this.#variants = new Map<string, Json>(
      definition.variants === undefined
        ? [
            ['on', true],
            ['off', false],
          ]
        : // A value is handed to everybody who asks: nobody may change it.
          Object.entries(definition.variants).map(([name, value]) => [name, frozenCopy(value)]),
    )
    this.#rules = this.enabled ? rules.map((rule, i) => this.#compileRule(rule, i)) : []
    const reason = !this.enabled ? 'DISABLED' : rules.length === 0 ? 'STATIC' : 'DEFAULT'
    this.#fallback = this.#decision(definition.default, reason)
    this.#failed = this.#decision(definition.default, 'ERROR')
  }

  /** Rules in order, then the default; allocates nothing. */
  evaluate(subject: FlagSubject): FlagDecision {
    try {
      for (const rule of this.#rules) if (rule.holds(subject)) return rule.decision
    } catch {
      // An attribute of the app's that can not be read must not fail the request: the default is what is safe.
      return this.#failed
    }
    return this.#fallback
  }

  /** The decision of a tenant's override or a plan, or `undefined` when the flag can not have this value (any more). */
  forced(value: Json, rule: string): FlagDecision | undefined {
    if (!this.enabled || !this.accepts(value)) return undefined
    const id = `${rule}\n${String(value)}`
    let decision = this.#forced.get(id)
    if (!decision) {
      decision = this.#decision(value as string | boolean, 'TARGETING_MATCH', rule)
      this.#forced.set(id, decision)
    }
    return decision
  }

  /** Whether an override may say this: a boolean, or a variant's name. */
  accepts(value: Json): boolean {
    return this.#isBoolean ? typeof value === 'boolean' : typeof value === 'string' && this.#variants.has(value)
  }

  #compileRule(rule: FlagRule, position: number): CompiledRule {
    const holds = rule.if ? compileConditions(rule.if) : () => true
    const id = rule.id ?? `rule-${position + 1}`
    if (!rule.rollout) return { holds, decision: this.#decision(rule.serve, 'TARGETING_MATCH', id) }
    const { percent, by, seed = this.key } = rule.rollout
    const threshold = bucketsIn(percent)
    const inRollout: Predicate =
      by === 'actor'
        ? ({ actor }) => bucketOf(seed, actor.id) < threshold
        : ({ tenant }) => bucketOf(seed, tenant.id) < threshold
    return {
      holds: rule.if ? (subject) => holds(subject) && inRollout(subject) : inRollout,
      decision: this.#decision(rule.serve, 'SPLIT', id),
    }
  }

  #decision(served: string | boolean, reason: FlagReason, rule?: string): FlagDecision {
    const variant = typeof served === 'boolean' ? (served ? 'on' : 'off') : served
    const value = this.#variants.get(variant) ?? null
    return flagDecision(this.key, { value, variant, reason, ...(rule !== undefined && { rule }) })
  }
}
