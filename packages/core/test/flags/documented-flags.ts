import { isAnonymous } from '../../src/actor.ts'
import type { FlagConditions, FlagDefinition, FlagRule, FlagUnit } from '../../src/catalog/definitions.ts'
import { Draw } from '../../src/flags/draw.ts'
import type { FlagEvaluation } from '../../src/flags/index.ts'
import type { Json, Tenant } from '../../src/vocabulary.ts'
import type { Answer, Subject } from './documented-conditions.ts'
import { every, holds, some } from './documented-conditions.ts'

/** All that there is beside the one who asks. */
export interface World {
  readonly flags: Readonly<Record<string, FlagDefinition>>
  readonly segments: Readonly<Record<string, FlagConditions>>
  readonly tenants: readonly Tenant[]
  readonly overrides: ReadonlyMap<string, Json>
  readonly features: readonly string[]
}

const threshold = (percent: number): number =>
  percent === 100 ? 100_000 : Math.min(Math.round(percent * 1_000), 99_999)

/** Flags as `docs/04-flags.md` tells of them, in another way: slowly, from the definitions as they stand. */
export function documentedFlag(key: string, subject: Subject, world: World): FlagEvaluation {
  const flag = world.flags[key] as FlagDefinition
  const { rules = [], prerequisites = [], metadata } = flag
  const serve = (served: boolean | string, why: Omit<FlagEvaluation, 'value' | 'variant'>): FlagEvaluation => {
    const variant = typeof served === 'string' ? served : served ? 'on' : 'off'
    const value = flag.variants ? (flag.variants[variant] as Json) : served
    return { value, variant, ...why, ...(metadata && { metadata }) }
  }
  if (flag.enabled === false) return serve(flag.default, { reason: 'DISABLED' })
  const forced = world.overrides.get(key)
  if (forced !== undefined) return serve(forced as boolean, { reason: 'TARGETING_MATCH', rule: 'override' })
  if (world.features.includes(key)) return serve(true, { reason: 'TARGETING_MATCH', rule: 'plan:pro' })
  for (const { flag: asked, is } of prerequisites) {
    const { value, variant } = documentedFlag(asked, subject, world)
    if (is !== value && is !== variant) return serve(flag.default, { reason: 'DEFAULT', rule: `prerequisite:${asked}` })
  }
  let keyless = false
  for (const [i, rule] of rules.entries()) {
    const { layer, rollout } = rule
    if (!inWindow(rule, subject.asOf) || !meetsConditions(rule, subject, world)) continue
    const seed = (rollout?.seed ?? flag.seed ?? key) as string
    const drawn = (['tenant', 'actor'] as const).filter((by) => !isDrawn(rule, by, seed, subject, world))
    const asksActor = layer?.by === 'actor' || unitOf(rollout) === 'actor'
    if (asksActor && isAnonymous(subject.actor)) keyless ||= !drawn.includes('tenant')
    else if (drawn.length === 0) {
      const why = { reason: layer || rollout || typeof rule.serve === 'object' ? 'SPLIT' : 'TARGETING_MATCH' } as const
      const by = rollout ? unitOf(rollout) : (layer?.by ?? 'tenant')
      return serve(servedBy(rule, seed, subject[by].id), { ...why, rule: rule.id ?? `rule-${i + 1}` })
    }
  }
  if (keyless) return serve(flag.default, { reason: 'TARGETING_KEY_MISSING', errorCode: 'TARGETING_KEY_MISSING' })
  return serve(flag.default, { reason: rules.length + prerequisites.length > 0 ? 'DEFAULT' : 'STATIC' })
}

function inWindow({ from, until }: FlagRule, now: number): boolean {
  return (from === undefined || now >= Date.parse(from)) && (until === undefined || now < Date.parse(until))
}

/** @param alone as far as the tenant alone decides */
function meetsConditions(
  { if: conditions = {}, rings, upTo }: FlagRule,
  of: Subject,
  world: World,
  alone = false,
): Answer {
  const inner = rings?.slice(0, rings.findIndex(({ name }) => name === upTo) + 1)
  const ring = inner ? some(inner.map((one) => holds(one.if, of, world.segments, alone))) : true
  return every([holds(conditions, of, world.segments, alone), ring])
}

function unitOf(rollout: FlagRule['rollout']): FlagUnit {
  return (rollout && 'percent' in rollout && rollout.by) || 'tenant'
}

/** Whether what is drawn by tenants, or by actors, is in. */
function isDrawn(rule: FlagRule, by: FlagUnit, seed: string, subject: Subject, world: World): boolean {
  const { layer, rollout } = rule
  const { id } = subject[by]
  if (layer && (layer.by ?? 'tenant') === by && !inSlice(layer, id)) return false
  if (!rollout || unitOf(rollout) !== by) return true
  if ('percent' in rollout) return new Draw(seed).bucket(id) < threshold(rollout.percent)
  const draw = new Draw(seed)
  const among = world.tenants.filter((tenant) => {
    if (layer && layer.by !== 'actor' && !inSlice(layer, tenant.id)) return false
    return meetsConditions(rule, { ...subject, tenant }, world, true) !== false
  })
  const first = among.map((tenant) => tenant.id).sort((a, b) => draw.rank(a) - draw.rank(b))
  return first.slice(0, rollout.exactly).includes(id)
}

function inSlice({ name, from, to }: NonNullable<FlagRule['layer']>, id: string): boolean {
  const bucket = new Draw(`layer:${name}`).bucket(id)
  return bucket >= threshold(from) && bucket < threshold(to)
}

function servedBy({ serve }: FlagRule, seed: string, id: string): boolean | string {
  if (typeof serve !== 'object') return serve
  const lots = Object.entries(serve).filter(([, weight = 0]) => weight > 0) as [string, number][]
  const total = lots.reduce((sum, [, weight]) => sum + weight, 0)
  const at = (new Draw(`${seed}/variants`).bucket(id) / 100_000) * total
  let end = 0
  for (const [name, weight] of lots.sort(([a], [b]) => (a < b ? -1 : 1))) {
    end += weight
    if (at < end) return name
  }
  return lots.at(-1)?.[0] ?? ''
}
