import { isDeepStrictEqual } from 'node:util'
import type { FlagMetadata } from '../catalog/definitions.ts'
import { type EventTemplate, eventTemplate } from '../event.ts'
import type { Json } from '../vocabulary.ts'

/**
 * Why a flag has its value, in OpenFeature's words. `TARGETING_KEY_MISSING`: the default, for a rule that draws by actor
 * was passed over, as the actor is anonymous.
 */
export type FlagReason =
  | 'STATIC'
  | 'TARGETING_MATCH'
  | 'SPLIT'
  | 'DEFAULT'
  | 'TARGETING_KEY_MISSING'
  | 'DISABLED'
  | 'STALE'
  | 'ERROR'

/** What a flag is for whoever asks, and why. Frozen, and one and the same object for equal answers. */
export interface FlagEvaluation<Value = Json> {
  readonly value: Value
  /** The variant's name; `on` or `off` for a boolean flag. */
  readonly variant: string
  readonly reason: FlagReason
  /**
   * The rule that decided: its id, `override`, `plan:<name>`, or `prerequisite:<flag>` for one that is not met. Absent
   * when none did.
   */
  readonly rule?: string
  /**
   * `GENERAL` with the reason `ERROR`: a rule could not be evaluated. `TARGETING_KEY_MISSING` with the reason of that
   * name, and with `STALE` where it would be that one.
   */
  readonly errorCode?: 'GENERAL' | 'TARGETING_KEY_MISSING'
  /** Of the definition, as `platform.flags` counts its versions; absent for one that was never changed. */
  readonly version?: number
  /** The definition's own; absent where it has none. */
  readonly metadata?: FlagMetadata
}

/** Whether two evaluations serve the same, for whatever reasons, and in whatever order a value's members are written. */
export function servesSame(a: FlagEvaluation, b: FlagEvaluation): boolean {
  return a.variant === b.variant && isDeepStrictEqual(a.value, b.value)
}

/** An evaluation with the event it leaves: prepared once, so that taking it costs nothing. */
export class FlagDecision {
  readonly evaluation: FlagEvaluation
  readonly template: EventTemplate
  readonly #flag: string
  #stale: FlagDecision | undefined

  constructor(flag: string, evaluation: FlagEvaluation) {
    const { value, variant, reason, rule, errorCode, version } = evaluation
    this.#flag = flag
    this.evaluation = Object.freeze(evaluation)
    this.template = eventTemplate({
      action: 'flag.evaluated',
      ...(reason === 'ERROR' && { outcome: 'failure' }),
      targets: [{ type: 'flag', id: flag }],
      metadata: {
        value,
        variant,
        reason,
        ...(rule !== undefined && { rule }),
        ...(errorCode && { errorCode }),
        ...(version !== undefined && { version }),
      },
    })
  }

  /** The same, of definitions that could not be confirmed lately. */
  get stale(): FlagDecision {
    if (this.evaluation.reason === 'ERROR') return this
    this.#stale ??= new FlagDecision(this.#flag, { ...this.evaluation, reason: 'STALE' })
    return this.#stale
  }
}
