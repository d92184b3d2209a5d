import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Json } from '../vocabulary.ts'
import type { FlagConditions, FlagDefinition } from './flag-definition.ts'

export type {
  BooleanFlag,
  ExactRollout,
  FlagAttribute,
  FlagCondition,
  FlagConditions,
  FlagDefinition,
  FlagLayer,
  FlagMetadata,
  FlagOptions,
  FlagPrerequisite,
  FlagRing,
  FlagRule,
  FlagTime,
  FlagUnit,
  PercentRollout,
  VariantFlag,
  WeightedVariants,
} from './flag-definition.ts'

/** Whose units a policy counts: all of the tenant's, each actor's of it, each route's, or the whole platform's. */
export type LimitBy = 'tenant' | 'actor' | 'route' | 'platform'

/** What goes first where a process sheds load: `low` at first, `critical` never. */
export type LimitPriority = 'critical' | 'high' | 'normal' | 'low'

/** What is decided where the limits store does not answer: by this process's own share, all let pass, or all refused. */
export type WhenUnavailable = 'local' | 'open' | 'closed'

/** What policies of every kind may say. */
export interface PolicyOptions {
  /** `tenant` unless said. */
  readonly by?: LimitBy
  /** Units that one call takes; 1 unless said. */
  readonly cost?: number
  /** Refuses nobody, and records whom it would have refused. */
  readonly shadow?: boolean
  /** Above 0, below 1: once this part is used, `limit.near` is on the timeline. */
  readonly nearAt?: number
  /** `normal` unless said. */
  readonly priority?: LimitPriority
  /** `local` unless said. */
  readonly whenUnavailable?: WhenUnavailable
  /** A flag that serves numbers: where it does, that many units, whatever plan and override say. 0 lets nothing pass. */
  readonly flag?: string
}

/** What rates and windows may say beside. */
export interface CountedOptions extends PolicyOptions {
  /** Of a tenant: no actor may take more than an equal part while others of it are active. */
  readonly fairShare?: boolean
  /** Each process takes a part at once and decides by itself: faster, and less exact by what is stated. */
  readonly lease?: LimitLease
}

/** A share that a process takes of a limit. */
export interface LimitLease {
  /** How long it may be spent, 1 to 60,000 ms. What is over then is given back. */
  readonly ms: number
  /** Units at once; a twentieth of what the limit allows at once unless said. */
  readonly units?: number
}

/** A rate, decided by GCRA. Made by `perSecond`, `perMinute`, `perHour` and `perDay`. */
export interface RateLimit extends CountedOptions {
  readonly kind: 'rate'
  /** Units per window. */
  readonly limit: number
  readonly windowMs: number
  /** Units at the most at once; `limit` unless said. */
  readonly burst: number
}

/** Units in a window that slides. Made by `slidingWindow`. */
export interface SlidingWindow extends CountedOptions {
  readonly kind: 'window'
  readonly limit: number
  readonly windowMs: number
}

/** Units held at once. Made by `concurrent`. */
export interface ConcurrencyLimit extends PolicyOptions {
  readonly kind: 'concurrency'
  readonly limit: number
  /** ms after which what a process holds is free again, if that process does not renew it. */
  readonly ttlMs: number
}

export type LimitPolicy = RateLimit | SlidingWindow | ConcurrencyLimit

/** One policy, or several that are decided together: nothing is taken if one of them refuses. */
export type LimitDefinition = LimitPolicy | readonly LimitPolicy[]

/** Units of a meter per day or month of the tenant's calendar. Made by `quotaPerDay` and `quotaPerMonth`. */
export interface Quota {
  readonly kind: 'quota'
  readonly limit: number
  readonly period: 'day' | 'month'
  /** A hard quota refuses with 429 `QUOTA_EXCEEDED`; a soft one only reports. */
  readonly hard: boolean
}

export interface MeterDefinition {
  /** `count`: each record is one unit. `sum`: a record says how many. */
  readonly aggregate: 'count' | 'sum'
  readonly unit?: string
  readonly description?: string
}

/** A named bundle of limits, quotas, features and config defaults. */
export interface PlanDefinition {
  readonly limits?: { readonly [limit: string]: LimitDefinition }
  readonly quotas?: { readonly [meter: string]: Quota }
  /** Boolean flags that are on for every tenant of this plan. */
  readonly features?: readonly string[]
  /** Config defaults, by dotted path. */
  readonly config?: { readonly [path: string]: Json }
}

/** What an application declares: keys, types and initial values. */
export interface Catalog {
  /** Conditions by name, for rules and other segments to name. */
  readonly segments?: { readonly [name: string]: FlagConditions }
  readonly flags?: { readonly [key: string]: FlagDefinition }
  readonly limits?: { readonly [name: string]: LimitDefinition }
  readonly meters?: { readonly [name: string]: MeterDefinition }
  readonly plans?: { readonly [name: string]: PlanDefinition }
  /** Any Standard Schema (zod, valibot, arktype …) of an object; every part of it optional or with a default. */
  readonly config?: StandardSchemaV1
}
