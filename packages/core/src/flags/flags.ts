import { callOptionProblem } from '../call-options.ts'
import type { Catalog } from '../catalog/definitions.ts'
import type { BooleanFlagKey, FlagKey, FlagValue } from '../catalog/keys.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { EventTemplate } from '../event.ts'
import type { Json } from '../vocabulary.ts'
import type { FlagAttributes, FlagSubject } from './attribute.ts'
import { CallSubject } from './call-subject.ts'
import type { FlagDecision, FlagEvaluation } from './evaluation.ts'
import { explainFlag } from './explain-flag.ts'
import type { FlagExplanation } from './explanation.ts'
import type { FlagListener } from './flag-notices.ts'
import type { FlagsView } from './flags-view.ts'
import { pinned } from './pinned-flags.ts'

/** What flags read of an open tenant context. */
export interface FlagsScope extends Omit<FlagSubject, 'attributes'> {
  readonly snapshot: { readonly flags: FlagsView }
  fold(template: EventTemplate, count?: number): void
}

/** What one call adds. */
export interface EvaluationOptions {
  /** Read by rules under `context.` and nowhere else: nothing of the tenant, the actor or the request is hidden by it. */
  readonly attributes?: FlagAttributes
}

/** Flags of the current tenant. Synchronous: nothing flips in the middle of a context. */
export interface Flags<C extends Catalog = RegisteredCatalog> {
  /**
   * Whether a boolean flag is on.
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`; `TENANT_REQUIRED` outside a tenant context
   */
  isEnabled(key: BooleanFlagKey<C>, options?: EvaluationOptions): boolean
  /**
   * A flag's value: a boolean, or the value of one of its variants (frozen).
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`; `TENANT_REQUIRED` outside a tenant context
   */
  value<K extends FlagKey<C>>(key: K, options?: EvaluationOptions): FlagValue<C, K>
  /**
   * A flag's value, and why.
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`; `TENANT_REQUIRED` outside a tenant context
   */
  evaluate<K extends FlagKey<C>>(key: K, options?: EvaluationOptions): FlagEvaluation<FlagValue<C, K>>
  /**
   * The same, with every step on the way to it: what was asked, what was seen, and which bucket was drawn. Records
   * nothing, for nothing was served by it.
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`; `TENANT_REQUIRED` outside a tenant context
   */
  explain<K extends FlagKey<C>>(key: K, options?: EvaluationOptions): FlagExplanation<FlagValue<C, K>>
  /**
   * Tells `listener` when definitions change at run time or can't be confirmed, until the function it answers is
   * called. Overrides of single tenants are not told. Belongs to no tenant.
   */
  watch(listener: FlagListener): () => void
}

/** The same, for code that holds a scope already: guards. */
export interface FlagsEngine<C extends Catalog = RegisteredCatalog> extends Flags<C> {
  evaluateIn(scope: FlagsScope, key: string, options?: EvaluationOptions): FlagEvaluation
  isEnabledIn(scope: FlagsScope, key: string): boolean
}

export interface FlagsOptions {
  /** The open tenant context; throws `TENANT_REQUIRED` outside of one. */
  scope(): FlagsScope
  /** Absent where definitions never change. */
  watch?(listener: FlagListener): () => void
}

/** Makes the flags engine. Every evaluation is counted on the context's record. */
export function createFlags<C extends Catalog = RegisteredCatalog>(options: FlagsOptions): FlagsEngine<C> {
  return {
    isEnabled: (key, given) => evaluateIn(options.scope(), key, given).value === true,
    value: (key, given) => evaluateIn(options.scope(), key, given).value as FlagValue<C, typeof key>,
    evaluate: (key, given) => evaluateIn(options.scope(), key, given) as FlagEvaluation<FlagValue<C, typeof key>>,
    explain: (key, given) => explainIn(options.scope(), key, given) as FlagExplanation<FlagValue<C, typeof key>>,
    watch: (listener) => options.watch?.(listener) ?? (() => undefined),
    evaluateIn,
    isEnabledIn,
  }
}

function isEnabledIn(scope: FlagsScope, key: string): boolean {
  return evaluateIn(scope, key).value === true
}

function evaluateIn(scope: FlagsScope, key: string, options?: EvaluationOptions): FlagEvaluation<Json> {
  const decision = decideIn(scope, key, options)
  scope.fold(decision.template)
  return decision.evaluation
}

function explainIn(scope: FlagsScope, key: string, options?: EvaluationOptions): FlagExplanation<Json> {
  const { evaluation } = decideIn(scope, key, options)
  return { evaluation, steps: explainFlag(pinned(scope.snapshot.flags), key, subjectOf(scope, options)) }
}

function decideIn(scope: FlagsScope, key: string, options: EvaluationOptions | undefined): FlagDecision {
  if (options !== undefined) refuseUnknown(options)
  const { flags, decided, stale } = pinned(scope.snapshot.flags)
  let decision = decided.get(key)
  if (decision === undefined) {
    const flag = flags.get(key)
    if (flag === undefined) throw unknownFlag(key, flags.keys())
    decision = flag.evaluate(subjectOf(scope, options), decided)
    if (flag.byTenant) decided.set(key, decision)
  }
  return stale ? decision.stale : decision
}

/** Without attributes the context itself is asked, and nothing is made for the call. */
function subjectOf(scope: FlagsScope, options: EvaluationOptions | undefined): FlagSubject {
  return options?.attributes === undefined ? scope : new CallSubject(scope, options.attributes)
}

const OPTIONS = ['attributes']

/** Whatever is known already of the flag: else it would matter which call was the first. */
function refuseUnknown(options: unknown): void {
  const message = callOptionProblem(options, OPTIONS, 'an evaluation')
  if (message === undefined) return
  throw new ThroughlineError('OPTIONS_INVALID', {
    message,
    remedy: 'Pass `{ attributes: { … } }`; rules read them as `context.<name>`.',
  })
}

function unknownFlag(key: string, known: Iterable<string>): ThroughlineError {
  return new ThroughlineError('FLAG_UNKNOWN', {
    message: `No flag has the key "${String(key).slice(0, 100)}".${didYouMean(String(key).slice(0, 100), [...known])}`,
  })
}
