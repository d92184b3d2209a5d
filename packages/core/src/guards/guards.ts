import type { Catalog } from '../catalog/definitions.ts'
import type { BooleanFlagKey, LimitName, MeterName, PlanName } from '../catalog/keys.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import type { Scope } from '../context/scope.ts'
import { ThroughlineError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { Guard, GuardHold } from './guard.ts'
import { checkNames, unitsOf } from './guard-options.ts'

/** What guards ask of the instance that opened the context. */
export interface GuardEngines {
  readonly flags?: { isEnabledIn(scope: Scope, key: string): boolean }
  readonly limits?: {
    /** Throws (or rejects with) the refusal; the hold gives back what is held, or what was taken for nothing. */
    requireIn(scope: Scope, names: string | readonly string[], cost: number): MaybePromise<GuardHold | undefined>
  }
  readonly usage?: {
    /** Reserves units of a hard quota, or throws the refusal; the hold records the usage. */
    reserveIn(scope: Scope, meter: string, quantity: number): MaybePromise<GuardHold>
  }
  /** What is recorded now reaches the journal itself. */
  readonly recording: () => boolean
}

/**
 * Lets a call pass whose tenant has the flag on; else 404 `FLAG_OFF`.
 *
 * @example app.get('/reports', guard(requireFlag('new-reports')), listReports)
 */
export function requireFlag<C extends Catalog = RegisteredCatalog>(key: BooleanFlagKey<C>): Guard {
  checkNames('requireFlag', 'flag', [key])
  return {
    name: `flag:${key}`,
    check(scope) {
      if (engine(scope, 'flags').isEnabledIn(scope, key)) return undefined
      throw refusal(scope, 'FLAG_OFF', 'flag.refused', { type: 'flag', id: key }, {})
    },
  }
}

/**
 * Takes `cost` units of the tenant's limit, or refuses with 429; of several limits all together, or nothing. What a limit
 * lets run at once is held until the call ends.
 *
 * @example app.get('/reports', guard(rateLimit('api')), listReports)
 */
export function rateLimit<C extends Catalog = RegisteredCatalog>(
  name: LimitName<C> | readonly [LimitName<C>, ...LimitName<C>[]],
  options: { readonly cost?: number } = {},
): Guard {
  const names = (Array.isArray(name) ? name : [name]) as readonly string[]
  checkNames('rateLimit', 'limit', names)
  const cost = unitsOf('rateLimit', 'cost', options)
  const asked = names.length === 1 ? (names[0] as string) : [...names]
  return {
    name: `limit:${names.join('+')}`,
    check: (scope) => engine(scope, 'limits').requireIn(scope, asked, cost),
  }
}

/**
 * Records usage if the call succeeds. A hard quota is taken before it and given back if it fails.
 *
 * @example app.post('/reports', guard(meter('reports')), createReport)
 */
export function meter<C extends Catalog = RegisteredCatalog>(
  name: MeterName<C>,
  options: { readonly quantity?: number } = {},
): Guard {
  checkNames('meter', 'meter', [name])
  const quantity = unitsOf('meter', 'quantity', options)
  return {
    name: `meter:${name}`,
    check: (scope) => engine(scope, 'usage').reserveIn(scope, name, quantity),
  }
}

/** Lets a call pass whose actor has one of the roles; else 403. */
export function requireRole(...roles: readonly [string, ...string[]]): Guard {
  checkNames('requireRole', 'role', roles)
  return {
    name: `role:${roles.join('|')}`,
    check(scope) {
      if (scope.actor.roles?.some((role) => roles.includes(role))) return undefined
      throw refusal(scope, 'ROLE_REQUIRED', 'auth.refused', { type: 'role', id: roles.join('|') }, { roles })
    },
  }
}

/** Lets a call pass whose tenant is on one of the plans; else 403. */
export function requirePlan<C extends Catalog = RegisteredCatalog>(
  ...plans: readonly [PlanName<C>, ...PlanName<C>[]]
): Guard {
  const names: readonly string[] = plans
  checkNames('requirePlan', 'plan', names)
  return {
    name: `plan:${plans.join('|')}`,
    check(scope) {
      const { plan } = scope.tenant
      if (plan !== undefined && names.includes(plan)) return undefined
      throw refusal(scope, 'PLAN_REQUIRED', 'plan.refused', { type: 'plan', id: plans.join('|') }, { plans: names })
    },
  }
}

/**
 * Marks a route whose record must reach the journal itself: while it can't, the call is refused before the handler; if
 * it fails afterwards the answer is 503 `OUTCOME_UNKNOWN`.
 */
export function strict(): Guard {
  return {
    name: 'strict',
    check(scope) {
      if (!engines(scope).recording()) throw new ThroughlineError('RECORDS_UNAVAILABLE')
      scope.activity.strict = true
      return undefined
    },
  }
}

/** Marks a route that does not wait for its record: faster, and the record may be lost with the process. */
export function background(): Guard {
  return {
    name: 'background',
    check(scope) {
      scope.activity.background = true
      return undefined
    },
  }
}

function engines(scope: Scope): GuardEngines {
  return scope.owner.engines as GuardEngines
}

function engine<K extends 'flags' | 'limits' | 'usage'>(scope: Scope, name: K): NonNullable<GuardEngines[K]> {
  const found = engines(scope)[name]
  if (found) return found
  const part = { flags: 'flags', limits: 'limits', usage: 'meters' }[name]
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `A guard asks for ${name}, but the catalog has no "${part}".`,
  })
}

function refusal(
  scope: Scope,
  code: 'FLAG_OFF' | 'ROLE_REQUIRED' | 'PLAN_REQUIRED',
  action: string,
  target: { readonly type: string; readonly id: string },
  details: Readonly<Record<string, readonly string[]>>,
): ThroughlineError {
  scope.note({ action, outcome: 'refused', notable: true, targets: [target], metadata: { code } })
  return new ThroughlineError(code, { details })
}
