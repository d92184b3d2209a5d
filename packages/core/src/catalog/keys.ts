import type { Json } from '../vocabulary.ts'
import type { BooleanFlag, Catalog, FlagDefinition, VariantFlag } from './definitions.ts'

/** Keys of one part of a catalog: any string when the catalog is not known, none when it lacks the part. */
type Keys<C extends Catalog, Part extends keyof Catalog> = Catalog extends C
  ? string
  : C extends { readonly [P in Part]: infer D }
    ? Extract<keyof D, string>
    : never

export type FlagKey<C extends Catalog> = Keys<C, 'flags'>
export type LimitName<C extends Catalog> = Keys<C, 'limits'>
export type MeterName<C extends Catalog> = Keys<C, 'meters'>
export type PlanName<C extends Catalog> = Keys<C, 'plans'>

type Flags<C extends Catalog> = C extends { readonly flags: infer F } ? F : never

/** Flags without named variants: the ones that `isEnabled` and `requireFlag` take. */
export type BooleanFlagKey<C extends Catalog> = Catalog extends C
  ? string
  : { [K in keyof Flags<C>]: Flags<C>[K] extends { readonly variants: object } ? never : K }[keyof Flags<C>] & string

/** What may be said of a flag in place of its rules: a boolean, or the name of one of its variants. */
export type FlagChoice<C extends Catalog, K extends string> = Catalog extends C
  ? boolean | string
  : K extends keyof Flags<C>
    ? Flags<C>[K] extends { readonly variants: infer V }
      ? keyof V & string
      : Flags<C>[K] extends BooleanFlag
        ? boolean
        : boolean | string
    : never

/** What a flag may be defined as at run time: a boolean one stays one, and one with variants has some. */
export type FlagDefinitionOf<C extends Catalog, K extends string> = Catalog extends C
  ? FlagDefinition
  : K extends keyof Flags<C>
    ? Flags<C>[K] extends VariantFlag
      ? VariantFlag
      : Flags<C>[K] extends BooleanFlag
        ? BooleanFlag
        : FlagDefinition
    : never

/** What a flag may be for one tenant at run time: a boolean, or the name of a variant, which the catalog need not have. */
export type FlagOverrideOf<C extends Catalog, K extends string> = Catalog extends C
  ? boolean | string
  : K extends keyof Flags<C>
    ? Flags<C>[K] extends VariantFlag
      ? string
      : Flags<C>[K] extends BooleanFlag
        ? boolean
        : boolean | string
    : never

/**
 * A choice at run time as it was given: one that is written out must be in the catalog, so that a typo does not compile;
 * a text that comes from elsewhere may also name a variant that was made at run time.
 */
export type NamedChoice<C extends Catalog, K extends string, Given> = Given extends FlagChoice<C, K> | AnyOf<Given>
  ? Given
  : FlagChoice<C, K>

/** A text that is not written out, or only in part: any other may stand for it too. */
type AnyOf<Text> = Text extends string ? (Record<never, never> extends Record<Text, true> ? Text : never) : never

/** What a flag's `value` is: a boolean, or one of its variants' values. */
export type FlagValue<C extends Catalog, K extends string> = Catalog extends C
  ? Json
  : K extends keyof Flags<C>
    ? Flags<C>[K] extends { readonly variants: infer V }
      ? V[keyof V]
      : boolean
    : never
