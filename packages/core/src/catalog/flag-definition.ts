import type { Json } from '../vocabulary.ts'

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

/** So many of the tenants that the rule is for, and not one more: who is in stays in while the number grows. */
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
  /**
   * How tenants are drawn. There is one way so far, 1, which is also meant where nothing is said; what is stored at run
   * time always says it. A later one will move nobody who does not ask for it.
   */
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
