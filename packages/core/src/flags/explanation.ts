import type { FlagCondition } from '../catalog/definitions.ts'
import type { Json } from '../vocabulary.ts'
import type { FlagEvaluation } from './evaluation.ts'

/** One thing that was looked at. */
export interface FlagCheck {
  /** Where it stands in the rule: `if["org.plan"]`, `if.or.0.not`, `from`, `layer`, `rollout`. */
  readonly path: string
  readonly holds: boolean
  readonly condition?: FlagCondition
  /** What was seen of the attribute; absent where it can not be read. */
  readonly value?: unknown
  /** Of a rollout or a layer: where the tenant or the actor falls. Of `exactly`: its rank, 0 to 2^32 - 1. */
  readonly bucket?: number
  /** Of a layer: those from this one on are in. */
  readonly from?: number
  /** Those below it are in. Of `exactly`: those up to it; absent while the tenants are not counted yet. */
  readonly threshold?: number
  /** There is nobody to draw by: the actor is anonymous. */
  readonly keyless?: true
  /** Of a group, a segment or rings: what is in it. */
  readonly checks?: readonly FlagCheck[]
}

/** What was asked in turn, and whether it decided. The last one did. */
export type FlagStep =
  | { readonly step: 'switch'; readonly decided: boolean; readonly enabled: boolean }
  | { readonly step: 'override' | 'plan'; readonly decided: boolean; readonly value?: Json }
  /** Only within `withFlags` of the test kit. */
  | { readonly step: 'test'; readonly decided: true; readonly value: Json }
  | {
      readonly step: 'prerequisite'
      readonly decided: boolean
      readonly flag: string
      readonly is: boolean | string
      /** The variant that it has; absent if there is no such flag. */
      readonly variant?: string
    }
  | {
      readonly step: 'rule'
      readonly decided: boolean
      readonly rule: string
      readonly checks: readonly FlagCheck[]
      /** Where weights serve: what fell where, of how much. */
      readonly weights?: { readonly at: number; readonly of: number }
    }
  | { readonly step: 'default'; readonly decided: true }

/** An evaluation, and how it came about. */
export interface FlagExplanation<Value = Json> {
  readonly evaluation: FlagEvaluation<Value>
  readonly steps: readonly FlagStep[]
}
