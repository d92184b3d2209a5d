import type { ThroughlineOptions } from '../options.ts'
import type {
  BooleanFlag,
  ExactRollout,
  FlagAttribute,
  FlagConditions,
  FlagLayer,
  FlagRing,
  FlagRule,
  PercentRollout,
  PlanDefinition,
  VariantFlag,
} from './definitions.ts'
import type { FlagOperator, RingName, ServedBy, UnsoundFlag } from './unsound-flag.ts'

/** What nothing is: the compiler shows the sentence where something is wrong. */
interface Mistake<Says extends string> {
  readonly throughline: Says
}

// Texts, for of a mistake that has a name of its own the compiler shows that name alone.
type MaybeMissing = 'may be undefined, and would hold for everybody'
type AnyText = 'may be any text: declare the object "as const", or within defineCatalog'

/** A name that nothing has. A plain object declares its texts as any text, which names nothing. */
type NoName<Name, Says extends string> = string extends Name ? AnyText : `"${Name & string}" ${Says}`

type NotKnown<Name> = NoName<Name, 'is not known here'>
type NoVariant<Name> = NoName<Name, 'is no variant of this flag'>
type NoFlag<Name> = NoName<Name, 'is no other flag of the catalog'>

/** A condition of operators that there are. */
type CheckedCondition<Condition> = Condition extends readonly unknown[]
  ? Condition
  : Condition extends object
    ? {
        readonly [K in keyof Condition]: K extends FlagOperator
          ? undefined extends Condition[K]
            ? Mistake<MaybeMissing>
            : Condition[K]
          : Mistake<`"${K & string}" is no operator`>
      }
    : Condition

/** Names of some part of a catalog; any text where the part is not known by its members. */
type Names<C, Part extends string> = C extends { readonly [P in Part]: infer D } ? Extract<keyof D, string> : never

/** Conditions whose segments are the catalog's. */
type CheckedConditions<Conditions, Segment extends string> = FlagConditions extends Conditions
  ? Conditions
  : {
      readonly [K in keyof Conditions]: K extends 'segment'
        ? CheckedSegment<Conditions[K], Segment>
        : K extends 'and' | 'or'
          ? CheckedGroup<Conditions[K], Segment>
          : K extends 'not'
            ? CheckedConditions<Conditions[K], Segment>
            : K extends FlagAttribute
              ? undefined extends Conditions[K]
                ? Mistake<MaybeMissing>
                : CheckedCondition<Conditions[K]>
              : Mistake<`"${K & string}" must begin with org., actor., request. or context.`>
    }

type CheckedSegment<Named, Segment extends string> = Named extends Segment | readonly Segment[]
  ? Named
  : string extends Named
    ? Mistake<AnyText>
    : [Segment] extends [never]
      ? Mistake<'the catalog has no segments'>
      : Mistake<`there are the segments ${Segment}`>

// Lists, each by a parameter of its own: else their methods would be checked as well.
type CheckedGroup<Group, Segment extends string> = {
  readonly [I in keyof Group]: CheckedConditions<Group[I], Segment>
}
type CheckedRules<Rules, Variants, Segment extends string> = {
  readonly [I in keyof Rules]: CheckedRule<Rules[I], Variants, Segment>
}
type CheckedRings<Rings, Segment extends string> = {
  readonly [I in keyof Rings]: CheckedRing<Rings[I], Segment>
}
type CheckedPrerequisites<Prerequisites, Flags, Own> = {
  readonly [I in keyof Prerequisites]: CheckedPrerequisite<Prerequisites[I], Flags, Own>
}

/** What a flag may serve: one of its variants, or weights of them. */
type CheckedServe<Serve, Variant extends string> = Serve extends Variant
  ? Serve
  : Serve extends string
    ? Mistake<NoVariant<Serve>>
    : { readonly [K in keyof Serve]: K extends Variant ? number : Mistake<NoVariant<K>> }

/** Something that has no members but these. */
type Exactly<Part, Member> = {
  readonly [K in keyof Part]: K extends Member ? Part[K] : Mistake<NotKnown<K>>
}

type CheckedRing<Ring, Segment extends string> = {
  readonly [K in keyof Ring]: K extends 'if'
    ? CheckedConditions<Ring[K], Segment>
    : K extends keyof FlagRing
      ? Ring[K]
      : Mistake<NotKnown<K>>
}

type CheckedRule<Rule, Variants, Segment extends string> = keyof FlagRule extends keyof Rule
  ? Rule
  : {
      readonly [K in keyof Rule]: K extends 'if'
        ? CheckedConditions<Rule[K], Segment>
        : K extends 'serve'
          ? Variants extends object
            ? CheckedServe<Rule[K], Extract<keyof Variants, string>>
            : boolean
          : K extends 'rings'
            ? CheckedRings<Rule[K], Segment>
            : K extends 'rollout'
              ? Exactly<Rule[K], keyof PercentRollout | keyof ExactRollout>
              : K extends 'layer'
                ? Exactly<Rule[K], keyof FlagLayer>
                : K extends 'upTo'
                  ? Rule[K] extends RingName<Rule>
                    ? Rule[K]
                    : Mistake<NoName<Rule[K], 'is no ring of this rule'>>
                  : K extends keyof FlagRule
                    ? Rule[K]
                    : Mistake<NotKnown<K>>
    }

/** A prerequisite names another flag, and a value that it has. */
type CheckedPrerequisite<Prerequisite, Flags, Own> = Prerequisite extends {
  readonly flag: infer F
  readonly is: infer Is
}
  ? F extends keyof Flags
    ? F extends Own
      ? NoOtherFlag<F, Is>
      : {
          readonly flag: F
          readonly is: Is extends ServedBy<Flags[F]> ? Is : Mistake<`"${F & string}" is never that`>
        }
    : NoOtherFlag<F, Is>
  : Prerequisite
interface NoOtherFlag<F, Is> {
  readonly flag: Mistake<NoFlag<F>>
  readonly is: Is
}
type VariantsOf<Flag> = Flag extends { readonly variants: infer V extends object } ? V : undefined

type CheckedFlag<Flags, Own extends keyof Flags, Segment extends string, Flag = Flags[Own]> = {
  readonly [K in keyof Flag]: K extends 'default'
    ? VariantsOf<Flag> extends object
      ? Flag[K] extends keyof VariantsOf<Flag>
        ? Flag[K]
        : Mistake<NoVariant<Flag[K]>>
      : boolean
    : K extends 'rules'
      ? CheckedRules<Flag[K], VariantsOf<Flag>, Segment>
      : K extends 'prerequisites'
        ? CheckedPrerequisites<Flag[K], Flags, Own>
        : K extends keyof VariantFlag
          ? Flag[K]
          : Mistake<NotKnown<K>>
}

/** What is not known member by member is left to the check at run time. */
type CheckedFlags<Flags, Segment extends string> = string extends keyof Flags
  ? Flags
  : {
      readonly [Own in keyof Flags]: BooleanFlag extends Flags[Own]
        ? Flags[Own]
        : VariantFlag extends Flags[Own]
          ? Flags[Own]
          : [UnsoundFlag<Flags, Own, Segment>] extends [never]
            ? Flags[Own]
            : CheckedFlag<Flags, Own, Segment>
    }

/** Boolean flags, for plans to switch on. */
type BooleanNames<C> = C extends { readonly flags: infer Flags }
  ? { [K in keyof Flags]: Flags[K] extends { readonly variants: object } ? never : K }[keyof Flags]
  : never

/** A plan whose features are boolean flags, and whose limits and quotas are of limits and meters that there are. */
type CheckedPlan<Plan, C> = {
  readonly [K in keyof Plan]: K extends 'features'
    ? readonly BooleanNames<C>[]
    : K extends 'limits'
      ? Exactly<Plan[K], Names<C, 'limits'>>
      : K extends 'quotas'
        ? Exactly<Plan[K], Names<C, 'meters'>>
        : K extends keyof PlanDefinition
          ? Plan[K]
          : Mistake<NotKnown<K>>
}

/** What is not known member by member is left to the check at run time. */
type CheckedPlans<Plans, C> = string extends keyof Plans
  ? Plans
  : { readonly [Name in keyof Plans]: PlanDefinition extends Plans[Name] ? Plans[Name] : CheckedPlan<Plans[Name], C> }

/**
 * A catalog, whole or inline in options, whose members are known, and whose flags and plans name variants, segments and flags that
 * are there: what does not, does not compile. A function that passes on whatever it is given takes it checked, and says its type
 * where it passes it on: what is checked already is not checked again.
 *
 * @example
 * function start<const O extends ThroughlineOptions>(options: O & CheckedCatalog<O>) {
 *   return createThroughline<O>(options)
 * }
 * function startWith<const C extends Catalog>(catalog: C & CheckedCatalog<C>) {
 *   return createThroughline<{ readonly catalog: C }>({ catalog })
 * }
 */
export type CheckedCatalog<C> = {
  readonly [K in keyof C]: K extends 'flags'
    ? CheckedFlags<C[K], Names<C, 'segments'>>
    : K extends 'segments'
      ? { readonly [Name in keyof C[K]]: CheckedConditions<C[K][Name], Names<C, 'segments'>> }
      : K extends 'plans'
        ? CheckedPlans<C[K], C>
        : K extends 'catalog'
          ? CheckedCatalog<C[K]>
          : K extends keyof ThroughlineOptions
            ? C[K]
            : Mistake<NotKnown<K>>
}
