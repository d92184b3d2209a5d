import { ANONYMOUS, isAnonymous } from '../actor.ts'
import type { FlagRule, FlagUnit } from '../catalog/definitions.ts'
import { isPlainObject } from '../plain-object.ts'
import type { FlagSubject } from './attribute.ts'
import type { Condition, ConditionSources } from './condition.ts'
import { all, compileConditions, either } from './condition.ts'
import type { FlagDecision } from './evaluation.ts'
import type { FlagCheck, FlagStep } from './explanation.ts'
import type { Among, RankBounds, Share } from './share.ts'
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
  readonly #shares: Share[]
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
    const slice = layer && layerShare(layer)
    this.#shares = slice ? [slice] : []
    if (rollout) this.#shares.push(rolloutShare(rollout, seed, sources.bounds, amongOf(rule, this.#condition, slice)))
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

  /** It draws by actor, and nobody is there to draw by; not of a tenant whose actors are out anyway. */
  isKeyless(subject: FlagSubject): boolean {
    if (!this.#asksActor || !isAnonymous(subject.actor)) return false
    for (const share of this.#shares) if (share.by === 'tenant' && !share.holds(subject.tenant.id)) return false
    return true
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
    const keyless = this.#asksActor && isAnonymous(subject.actor)
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

/** Whom a rule leaves of all tenants, as far as the tenant decides: not who acts, the request, the call or a window. */
function amongOf(
  { if: conditions, rings, upTo, layer }: FlagRule,
  condition: Condition,
  slice: Share | undefined,
): Among | undefined {
  const sliced = slice?.by === 'tenant'
  if (!condition.asksTenant && !sliced) return undefined
  return {
    key: JSON.stringify({ if: conditions, rings, upTo, layer }, inOrder),
    has(tenant) {
      if (sliced && !slice.holds(tenant.id)) return false
      try {
        return condition.forTenant({ tenant, actor: ANONYMOUS }) !== false
      } catch {
        // What can't be read is the default for whoever is in it.
        return false
      }
    },
  }
}

/** Members by name: in which order they are written makes no other condition. */
function inOrder(_name: string, value: unknown): unknown {
  return isPlainObject(value) ? Object.fromEntries(Object.entries(value).toSorted(byName)) : value
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
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
    forTenant: () => undefined,
    byTenant: false,
    asksTenant: false,
    asksOthers: false,
    segments: 0,
    check: (subject) => ({
      path,
      holds: holds(subject),
      value: new Date(subject.asOf ?? sources.now()).toISOString(),
    }),
  }
}
