import { type EventTemplate, eventTemplate } from '../event.ts'
import type { Json } from '../vocabulary.ts'

/** Why a flag has its value, in OpenFeature's words. */
export type FlagReason = 'STATIC' | 'TARGETING_MATCH' | 'SPLIT' | 'DEFAULT' | 'DISABLED' | 'ERROR'

/** What a flag is for whoever asks, and why. Frozen, and one and the same object for equal answers. */
export interface FlagEvaluation<Value = Json> {
  readonly value: Value
  /** The variant's name; `on` or `off` for a boolean flag. */
  readonly variant: string
  readonly reason: FlagReason
  /** The rule that decided: its id, `override`, or `plan:<name>`. Absent when none did. */
  readonly rule?: string
}

/** An evaluation with the event it leaves, made once. */
export interface FlagDecision {
  readonly evaluation: FlagEvaluation
  readonly template: EventTemplate
}

/** Prepares a decision, so that taking it costs nothing. */
export function flagDecision(flag: string, evaluation: FlagEvaluation): FlagDecision {
  const { value, variant, reason, rule } = evaluation
  return {
    evaluation: Object.freeze(evaluation),
    template: eventTemplate({
      action: 'flag.evaluated',
      ...(reason === 'ERROR' && { outcome: 'failure' }),
      targets: [{ type: 'flag', id: flag }],
      metadata: { value, variant, reason, ...(rule !== undefined && { rule }) },
    }),
  }
}
