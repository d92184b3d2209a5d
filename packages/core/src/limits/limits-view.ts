import type { LimitDefinition, LimitPolicy, WhenUnavailable } from '../catalog/definitions.ts'
import { type EventTemplate, eventTemplate } from '../event.ts'
import type { LimitOverride } from './limit-override.ts'
import { ReadyRequests } from './ready-requests.ts'
import { type ResolvedPolicy, resolvedPolicies } from './resolved-policy.ts'

export type LimitSource = 'override' | 'plan' | 'catalog'

/** The limit that holds for one tenant, with all that can be prepared for asking it. */
export interface ResolvedLimit {
  readonly name: string
  readonly source: LimitSource
  readonly policies: readonly ResolvedPolicy[]
  /** What is asked, kept ready where only the actor makes a difference, and one step of the limits store decides. */
  readonly steady: ReadyRequests | undefined
  /** The same, where all of it is decided by shares that this process takes in advance. */
  readonly leased: ReadyRequests | undefined
  /** Some of it is held until the call ends. */
  readonly isHeld: boolean
  /** Some of it tells when it is near its limit. */
  readonly tellsNear: boolean
  readonly passed: EventTemplate
  /** While the limits store does not answer, by how it was decided in its place. */
  readonly passedDegraded: Readonly<Record<WhenUnavailable, EventTemplate>>
  /** ms since the epoch, of an override: from then on `next` holds. */
  readonly until: number | undefined
  readonly next: ResolvedLimit | undefined
}

/** What one snapshot of one tenant knows of its limits. */
export type LimitsView = ReadonlyMap<string, ResolvedLimit>

export interface LimitsViewParts {
  /** The tenant's id. */
  readonly tenant: string
  readonly catalog: Readonly<Record<string, LimitDefinition>>
  /** Of the tenant's plan. */
  readonly plan?: Readonly<Record<string, LimitDefinition>> | undefined
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

/** All of one shape, whatever is absent: each call reads one. */
function resolved(tenant: string, name: string, definition: LimitDefinition, source: LimitSource): ResolvedLimit {
  const policies = resolvedPolicies(tenant, name, listOf(definition))
  const { passed, passedDegraded } = passedEvents(name, definition, policies)
  return {
    name,
    source,
    policies,
    steady: policies.every(isSteady) ? new ReadyRequests(tenant, policies) : undefined,
    leased: policies.every(isLeased) ? new ReadyRequests(tenant, policies) : undefined,
    isHeld: policies.some(({ policy }) => policy.kind === 'concurrency'),
    tellsNear: policies.some(({ policy }) => policy.nearAt !== undefined),
    passed,
    passedDegraded,
    until: undefined,
    next: undefined,
  }
}

type PassedEvents = Pick<ResolvedLimit, 'passed' | 'passedDegraded'>

/** By definition and name: nothing of these events is a tenant's own. */
const passedEventsOf = new WeakMap<LimitDefinition, Map<string, PassedEvents>>()

function passedEvents(name: string, definition: LimitDefinition, policies: readonly ResolvedPolicy[]): PassedEvents {
  const ofDefinition = passedEventsOf.get(definition) ?? new Map<string, PassedEvents>()
  passedEventsOf.set(definition, ofDefinition)
  const made = ofDefinition.get(name) ?? {
    passed: passedEvent(name, policies),
    passedDegraded: {
      local: passedEvent(name, policies, 'local'),
      open: passedEvent(name, policies, 'open'),
      closed: passedEvent(name, policies, 'closed'),
    },
  }
  ofDefinition.set(name, made)
  return made
}

function passedEvent(name: string, policies: readonly ResolvedPolicy[], degraded?: WhenUnavailable): EventTemplate {
  const { policy } = policies[0] as ResolvedPolicy
  const event = {
    action: 'limit.passed',
    targets: [{ type: 'limit', id: name }],
    metadata: {
      limit: policy.limit,
      ...('windowMs' in policy && { windowMs: policy.windowMs }),
      ...(degraded && { degraded }),
    },
  }
  return eventTemplate(
    event,
    policies.map((it) => it.name),
  )
}

/** Whether a policy asks the same for every call of its tenant or actor, in one step of the store. */
function isSteady(resolved: ResolvedPolicy): boolean {
  const { policy, by } = resolved
  return isSame(resolved) && by !== 'route' && by !== 'platform' && !('lease' in policy && policy.lease)
}

function isLeased(resolved: ResolvedPolicy): boolean {
  const { policy, by } = resolved
  return isSame(resolved) && by !== 'route' && (by === 'platform' || ('lease' in policy && policy.lease !== undefined))
}

/** Whether what a policy asks is known before the call. */
function isSame({ policy }: ResolvedPolicy): boolean {
  return policy.kind !== 'concurrency' && !policy.shadow && policy.flag === undefined && policy.fairShare !== true
}

function listOf(definition: LimitDefinition): readonly LimitPolicy[] {
  return 'kind' in definition ? [definition] : definition
}
