import type { Catalog } from '../catalog/definitions.ts'
import type { BooleanFlagKey, FlagKey, FlagValue } from '../catalog/keys.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { EventTemplate } from '../event.ts'
import type { Actor, Json, Tenant } from '../vocabulary.ts'
import type { FlagEvaluation } from './evaluation.ts'
import type { FlagsView } from './flags-view.ts'

/** What flags read of an open tenant context. */
export interface FlagsScope {
  readonly tenant: Tenant
  readonly actor: Actor
  readonly snapshot: { readonly flags: FlagsView }
  fold(template: EventTemplate, count?: number): void
}

/** Flags of the current tenant. Synchronous: nothing flips in the middle of a context. */
export interface Flags<C extends Catalog = RegisteredCatalog> {
  /**
   * Whether a boolean flag is on.
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`; `TENANT_REQUIRED` outside a tenant context
   */
  isEnabled(key: BooleanFlagKey<C>): boolean
  /**
   * A flag's value: a boolean, or the value of one of its variants (frozen).
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`; `TENANT_REQUIRED` outside a tenant context
   */
  value<K extends FlagKey<C>>(key: K): FlagValue<C, K>
  /**
   * A flag's value, and why.
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`; `TENANT_REQUIRED` outside a tenant context
   */
  evaluate<K extends FlagKey<C>>(key: K): FlagEvaluation<FlagValue<C, K>>
}

/** The same, for code that holds a scope already: guards. */
export interface FlagsEngine<C extends Catalog = RegisteredCatalog> extends Flags<C> {
  evaluateIn(scope: FlagsScope, key: string): FlagEvaluation
  isEnabledIn(scope: FlagsScope, key: string): boolean
}

export interface FlagsOptions {
  /** The open tenant context; throws `TENANT_REQUIRED` outside of one. */
  scope(): FlagsScope
}

/** Makes the flags engine. Every evaluation is counted on the context's record. */
export function createFlags<C extends Catalog = RegisteredCatalog>(options: FlagsOptions): FlagsEngine<C> {
  return {
    isEnabled: (key) => isEnabledIn(options.scope(), key),
    value: (key) => evaluateIn(options.scope(), key).value as FlagValue<C, typeof key>,
    evaluate: (key) => evaluateIn(options.scope(), key) as FlagEvaluation<FlagValue<C, typeof key>>,
    evaluateIn,
    isEnabledIn,
  }
}

function isEnabledIn(scope: FlagsScope, key: string): boolean {
  return evaluateIn(scope, key).value === true
}

function evaluateIn(scope: FlagsScope, key: string): FlagEvaluation<Json> {
  const { flags, decided } = scope.snapshot.flags
  let decision = decided.get(key)
  if (decision === undefined) {
    const flag = flags.get(key)
    if (flag === undefined) throw unknownFlag(key, flags.keys())
    decision = flag.evaluate(scope)
    if (flag.byTenant) decided.set(key, decision)
  }
  scope.fold(decision.template)
  return decision.evaluation
}

function unknownFlag(key: string, known: Iterable<string>): ThroughlineError {
  return new ThroughlineError('FLAG_UNKNOWN', {
    message: `No flag has the key "${String(key).slice(0, 100)}".${didYouMean(String(key).slice(0, 100), [...known])}`,
  })
}
