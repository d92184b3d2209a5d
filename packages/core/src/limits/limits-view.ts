import type { RateLimit } from '../catalog/definitions.ts'
import { type EventTemplate, eventTemplate } from '../event.ts'
import type { LimitOperation } from '../storage/limits.ts'
import type { LimitOverride } from './limit-override.ts'

export type LimitSource = 'override' | 'plan' | 'catalog'

/** The limit that holds for one tenant, with all that can be prepared for asking it. */
export interface ResolvedLimit {
  readonly name: string
  readonly limit: RateLimit
  readonly source: LimitSource
  readonly intervalMs: number
  /** Of the limits store; the tenant comes first. */
  readonly key: string
  /** What is asked for a cost of 1. */
  readonly one: readonly [LimitOperation]
  readonly passed: EventTemplate
  /** ms since the epoch, of an override: from then on `next` holds. */
  readonly until?: number
  readonly next?: ResolvedLimit
}

/** What one snapshot of one tenant knows of its limits. */
export type LimitsView = ReadonlyMap<string, ResolvedLimit>

export interface LimitsViewParts {
  /** The tenant's id. */
  readonly tenant: string
  readonly catalog: Readonly<Record<string, RateLimit>>
  /** Of the tenant's plan. */
  readonly plan?: Readonly<Record<string, RateLimit>> | undefined
  readonly overrides: ReadonlyMap<string, LimitOverride>
  /** ms since the epoch. */
  readonly now: number
}

/** One tenant's limits: its override, until it expires, else its plan's, else the catalog's. */
export function limitsView({ tenant, catalog, plan, overrides, now }: LimitsViewParts): LimitsView {
  const view = new Map<string, ResolvedLimit>()
  for (const [name, fallback] of Object.entries(catalog)) {
    const ofPlan = plan && Object.hasOwn(plan, name) ? plan[name] : undefined
    const usual = resolved(tenant, name, ofPlan ?? fallback, ofPlan ? 'plan' : 'catalog')
    const override = overrides.get(name)
    view.set(
      name,
      override && !(override.until !== undefined && override.until <= now)
        ? overridden(usual, tenant, override)
        : usual,
    )
  }
  return view
}

function overridden(usual: ResolvedLimit, tenant: string, { limit, until }: LimitOverride): ResolvedLimit {
  const own = resolved(tenant, usual.name, limit, 'override')
  return until === undefined ? own : { ...own, until, next: usual }
}

function resolved(tenant: string, name: string, limit: RateLimit, source: LimitSource): ResolvedLimit {
  const key = `${tenant}\u0000${name}`
  const intervalMs = limit.windowMs / limit.limit
  return {
    name,
    limit,
    source,
    intervalMs,
    key,
    one: [{ key, intervalMs, burst: limit.burst, cost: 1 }],
    passed: eventTemplate({
      action: 'limit.passed',
      targets: [{ type: 'limit', id: name }],
      metadata: { limit: limit.limit, windowMs: limit.windowMs },
    }),
  }
}
