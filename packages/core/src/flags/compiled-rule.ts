import { isAnonymous } from '../actor.ts'
import type { FlagRule, FlagUnit } from '../catalog/definitions.ts'
import type { FlagSubject } from './attribute.ts'
import type { Condition, ConditionSources } from './condition.ts'
import { all, compileConditions, either } from './condition.ts'
import type { FlagDecision } from './evaluation.ts'
import type { FlagCheck, FlagStep } from './explanation.ts'
import type { RankBounds, Share } from './share.ts'
import { layerShare, rolloutShare, unitId } from './share.ts'
import { Weights } from './weights.ts'

/** What rules are compiled with. */
export interface RuleSources extends ConditionSources {
  readonly bounds: RankBounds
}

/** One rule, ready to be asked. */
export class CompiledRule {
  readonly id: string
  /** Whether every actor of a tenant gets the same answer, at any time. */
  readonly byTenant: boolean
  readonly #condition: Condition
  readonly #shares: readonly Share[]
  readonly #unit: FlagUnit
  readonly #asksActor: boolean
  readonly #served: FlagDecision | Weights<FlagDecision>

  constructor(
    rule: FlagRule,
    options: {
      readonly id: string
      /** The flag's. */
      readonly seed: string
      readonly sources: RuleSources
      decision(variant: string | boolean, drawn: boolean): FlagDecision
    },
  ) {
    const { seed, sources, decision } = options
    const { layer, rollout, serve } = rule
    this.id = options.id
    this.#condition = conditionOf(rule, sources)
    this.#shares = [
      ...(layer ? [layerShare(layer)] : []),
      ...(rollout ? [rolloutShare(rollout, seed, sources.bounds)] : []),
    ]
    this.#unit = this.#shares.at(-1)?.by ?? 'tenant'
    this.#asksActor = this.#shares.some(({ by }) => by === 'actor')
    this.byTenant = this.#condition.byTenant && !this.#asksActor
    this.#served =
      typeof serve === 'object'
        ? new Weights(rollout?.seed ?? seed, serve, (variant) => decision(variant, true))
        : decision(serve, this.#shares.length > 0)
  }

  /** Whether its conditions hold; the shares are another question. */
  applies(subject: FlagSubject): boolean {
    return this.#condition.holds(subject)
  }

  /** It draws by actor, and nobody is there to draw by. */
  isKeyless(subject: FlagSubject): boolean {
    return this.#asksActor && isAnonymous(subject.actor)
  }

  /** Whether the tenant or the actor is in its shares. */
  includes(subject: FlagSubject): boolean {
    for (const share of this.#shares) if (!share.holds(unitId(share.by, subject))) return false
    return true
  }

  serve(subject: FlagSubject): FlagDecision {
    const served = this.#served
    return served instanceof Weights ? served.pick(unitId(this.#unit, subject)) : served
  }

  explain(subject: FlagSubject): FlagStep & { readonly step: 'rule' } {
    const checks: FlagCheck[] = [this.#condition.check(subject)]
    const keyless = this.isKeyless(subject)
    for (const share of this.#shares) {
      if (keyless && share.by === 'actor') checks.push({ path: share.path, holds: false, keyless })
      else checks.push(share.check(unitId(share.by, subject)))
    }
    const decided = checks.every(({ holds }) => holds)
    const weights = this.#served
    return {
      step: 'rule',
      rule: this.id,
      decided,
      checks: checks.flatMap((check) => (check.path === '' ? (check.checks ?? []) : [check])),
      ...(decided &&
        weights instanceof Weights && {
          weights: { at: weights.at(unitId(this.#unit, subject)), of: weights.total },
        }),
    }
  }
}

/** Window, `if` and rings, all of which must hold. */
function conditionOf({ from, until, if: conditions, rings, upTo }: FlagRule, sources: ConditionSources): Condition {
  const parts: Condition[] = []
  if (from !== undefined) parts.push(windowEnd('from', Date.parse(from), (now, time) => now >= time, sources))
  if (until !== undefined) parts.push(windowEnd('until', Date.parse(until), (now, time) => now < time, sources))
  if (conditions) parts.push(compileConditions(conditions, sources))
  if (rings) {
    const last = rings.findIndex(({ name }) => name === upTo)
    const inner = rings.slice(0, last + 1).map((ring) => compileConditions(ring.if, sources, `rings.${ring.name}`))
    parts.push(either(inner, 'rings'))
  }
  return all(parts, '')
}

function windowEnd(
  path: string,
  time: number,
  test: (now: number, time: number) => boolean,
  sources: ConditionSources,
): Condition {
  const holds = (subject: FlagSubject): boolean => test(subject.asOf ?? sources.now(), time)
  return {
    holds,
    byTenant: false,
    segments: 0,
    check: (subject) => ({
      path,
      holds: holds(subject),
      value: new Date(subject.asOf ?? sources.now()).toISOString(),
    }),
  }
}
