import type { PlanDefinition } from '../../catalog/definitions.ts'
import type { Actor, Json, Tenant } from '../../vocabulary.ts'
import type { CompiledFlags } from '../compile-flags.ts'
import type { FlagEvaluation } from '../evaluation.ts'
import type { FlagsEngine, FlagsScope } from '../flags.ts'
import type { FlagsView } from '../flags-view.ts'
import { flagsView } from '../flags-view.ts'

/** What a flag is for a tenant, as far as the tenant alone decides. */
export interface TenantOutcome {
  readonly evaluation: FlagEvaluation
  /** It was asked who acts, or in which request: others of this tenant may get another answer. */
  readonly varies: boolean
}

/** Overrides of one tenant that count, by flag. */
export type Overrides = ReadonlyMap<string, Json>

const NOBODY: Actor = Object.freeze({ id: 'anonymous', type: 'user' })
const NONE: Overrides = new Map()

/** A tenant without anybody in it, who notes whether anybody was asked for. Nothing is recorded. */
class EmptyContext implements FlagsScope {
  readonly tenant: Tenant
  readonly snapshot: { readonly flags: FlagsView }
  varies = false

  constructor(tenant: Tenant, flags: FlagsView) {
    this.tenant = tenant
    this.snapshot = { flags }
  }

  get actor(): Actor {
    this.varies = true
    return NOBODY
  }

  get request(): undefined {
    this.varies = true
    return undefined
  }

  get attributes(): undefined {
    this.varies = true
    return undefined
  }

  fold(): void {
    // What is only looked at was served to nobody.
  }
}

/** What a flag is for whoever is in a tenant. */
export function outcomeIn(
  engine: Pick<FlagsEngine, 'evaluateIn'>,
  tenant: Tenant,
  flags: FlagsView,
  key: string,
): TenantOutcome {
  const context = new EmptyContext(tenant, flags)
  const evaluation = engine.evaluateIn(context, key)
  return { evaluation, varies: context.varies }
}

/** What flags are for tenants, without their contexts being open: plans and overrides included. */
export class TenantOutcomes {
  readonly #engine: Pick<FlagsEngine, 'evaluateIn'>
  readonly #flags: CompiledFlags
  readonly #plans: Readonly<Record<string, PlanDefinition>>

  constructor(
    engine: Pick<FlagsEngine, 'evaluateIn'>,
    flags: CompiledFlags,
    plans: Readonly<Record<string, PlanDefinition>>,
  ) {
    this.#engine = engine
    this.#flags = flags
    this.#plans = plans
  }

  /** Of one tenant, by key: what one flag was asked for and holds for the whole tenant is not asked for again. */
  of(tenant: Tenant, overrides: Overrides = NONE): (key: string) => TenantOutcome {
    const { plan } = tenant
    const features = plan !== undefined && Object.hasOwn(this.#plans, plan) ? this.#plans[plan]?.features : undefined
    const ofPlan = plan !== undefined && features ? { plan, features } : undefined
    const flags = flagsView(this.#flags, overrides, ofPlan)
    return (key) => outcomeIn(this.#engine, tenant, flags, key)
  }
}
