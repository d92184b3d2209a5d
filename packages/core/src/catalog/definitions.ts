import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Json } from '../vocabulary.ts'

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

type Scalar = string | number | boolean | null

/** A time: ISO 8601, or so long before now (`{ ago: '14d' }`; m, h, d or w). */
export type FlagTime = string | { readonly ago: string }

/** One condition: a value (equals), a list (one of), or operators, all of which must hold. */
export type FlagCondition =
  | Scalar
  | readonly Scalar[]
  | {
      readonly eq?: Scalar
      readonly not?: Scalar
      readonly in?: readonly Scalar[]
      readonly notIn?: readonly Scalar[]
      readonly gt?: number | string
      readonly gte?: number | string
      readonly lt?: number | string
      readonly lte?: number | string
      readonly before?: FlagTime
      /** `{ ago: '14d' }`: in the last 14 days. */
      readonly after?: FlagTime
      readonly startsWith?: string
      readonly endsWith?: string
      readonly contains?: string
      /** A regular expression somewhere in a text of at most 1,000 characters; no back references, no looking around. */
      readonly matches?: string
      /** A range of semantic versions, as npm writes them: `>=1.2.0 <2`. */
      readonly semver?: string
      /** The address is in one of these blocks: `10.0.0.0/8`, `2001:db8::/32`. */
      readonly cidr?: string | readonly string[]
      readonly exists?: boolean
    }

/**
 * What a condition reads: `org.plan`, `org.id`, `org.created_at`, `org.<attribute>`; `actor.id`, `actor.type` …;
 * `request.method`, `request.path`, `request.ip` …; `context.<attribute>`, which the call itself added.
 */
export type FlagAttribute = `org.${string}` | `actor.${string}` | `request.${string}` | `context.${string}`

/** Attribute paths to conditions, and groups of conditions; all must hold. */
export type FlagConditions = { readonly [path in FlagAttribute]?: FlagCondition } & {
  /** All of these hold. */
  readonly and?: readonly FlagConditions[]
  /** At least one of these holds. */
  readonly or?: readonly FlagConditions[]
  readonly not?: FlagConditions
  /** A segment of the catalog, or one of several. */
  readonly segment?: string | readonly string[]
}

/** Whose share it is: each tenant is in or out with all its actors (unless said), or each actor by itself. */
export type FlagUnit = 'tenant' | 'actor'

/** A sticky share: who is in stays in while the percentage grows. */
export interface PercentRollout {
  /** 0 to 100, to a thousandth. */
  readonly percent: number
  readonly by?: FlagUnit
  /** Flags of the same seed choose the same; the flag's seed unless said. */
  readonly seed?: string
}

/** So many tenants, and not one more: who is in stays in while the number grows. */
export interface ExactRollout {
  readonly exactly: number
  readonly seed?: string
}

/** A slice of a layer: rules whose slices of one layer do not overlap never hold for the same tenant. */
export interface FlagLayer {
  readonly name: string
  /** Per cent, 0 to 100: the slice begins here. */
  readonly from: number
  /** Per cent, 0 to 100: and ends before here. */
  readonly to: number
  readonly by?: FlagUnit
}

/** One of several rings, from the innermost. */
export interface FlagRing {
  readonly name: string
  readonly if: FlagConditions
}

/** Variants and their weights, relative to each other: `{ small: 1, large: 3 }`. */
export type WeightedVariants<Variant extends string = string> = { readonly [variant in Variant]?: number }

export interface FlagRule<Serve = boolean | string | WeightedVariants> {
  /** Named in `evaluate()`'s answer; `rule-<position>` unless said. */
  readonly id?: string
  readonly if?: FlagConditions
  /** Rings in their order; the rule holds for those of `upTo` and of all before it. */
  readonly rings?: readonly FlagRing[]
  /** The name of the outermost ring that counts. */
  readonly upTo?: string
  /** ISO 8601: the rule does not hold before. */
  readonly from?: string
  /** ISO 8601: the rule does not hold from then on. */
  readonly until?: string
  readonly layer?: FlagLayer
  readonly rollout?: PercentRollout | ExactRollout
  readonly serve: Serve
}

/** Another flag that must have this value: a boolean, or the name of a variant. */
export interface FlagPrerequisite {
  readonly flag: string
  readonly is: boolean | string
}

/** What flags of every kind may say. */
export interface FlagOptions {
  /** `false` serves the default to everybody: the kill switch. */
  readonly enabled?: boolean
  readonly description?: string
  /** What tenants are drawn by; the flag's key unless said. Flags of the same seed choose the same tenants. */
  readonly seed?: string
  /** How tenants are drawn. There is one way so far, 1; a later one will move nobody who does not ask for it. */
  readonly algorithm?: 1
  /** All must be met, or everybody gets the default. */
  readonly prerequisites?: readonly FlagPrerequisite[]
  /** What else there is to say of the flag, an owner or a ticket: told with every evaluation, and on no record. */
  readonly metadata?: FlagMetadata
}

/** Names to texts, numbers and booleans, as OpenFeature has them. */
export type FlagMetadata = Readonly<Record<string, string | number | boolean>>

/** A boolean flag. */
export interface BooleanFlag extends FlagOptions {
  readonly variants?: undefined
  readonly rules?: readonly FlagRule<boolean>[]
  readonly default: boolean
}

/** A flag with named variants of any JSON value; rules and default name a variant. */
export interface VariantFlag extends FlagOptions {
  readonly variants: { readonly [name: string]: Json }
  readonly rules?: readonly FlagRule<string | WeightedVariants>[]
  readonly default: string
}

export type FlagDefinition = BooleanFlag | VariantFlag

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
