import type {
  ExactRollout,
  FlagAttribute,
  FlagCondition,
  FlagLayer,
  FlagRing,
  FlagRule,
  PercentRollout,
  VariantFlag,
} from './definitions.ts'

/** Operators of a condition. */
export type FlagOperator = keyof Exclude<Extract<FlagCondition, object>, readonly unknown[]>

/** What a flag may serve: names of its variants, or a boolean. */
export type ServedBy<Flag> = Flag extends { readonly variants: infer V extends object } ? keyof V : boolean

/** Names of a rule's rings; any text where they are not known one by one. */
export type RingName<Rule> = Rule extends { readonly rings: readonly (infer Ring)[] }
  ? Ring extends { readonly name: infer Name }
    ? Name
    : string
  : string

/**
 * `never` for a flag that names nothing that is not there: then all of it is as it should be. It takes the compiler a fifth of what
 * it takes to tell where a mistake is, which is left to the flags that may have one: of a thousand flags hardly any. Lists are looked
 * at by `[number]`: inferred, the element that has a mistake would be taken for a kind of the one that has not.
 */
export type UnsoundFlag<
  Flags,
  Own extends keyof Flags,
  Segment extends string,
  Flag = Flags[Own],
> = Flag extends unknown
  ?
      | Strays<Flag, keyof VariantFlag>
      | (Flag extends { readonly default: ServedBy<Flag> } ? never : false)
      | ('rules' extends keyof Flag
          ? Flag extends { readonly rules: infer Rules extends readonly unknown[] }
            ? UnsoundRule<Rules[number], ServedBy<Flag>, Segment>
            : false
          : never)
      | ('prerequisites' extends keyof Flag
          ? Flag extends { readonly prerequisites: infer Prerequisites extends readonly unknown[] }
            ? UnsoundPrerequisite<Prerequisites[number], Flags, Own>
            : false
          : never)
  : never

type Strays<Part, Member> = Part extends unknown ? ([keyof Part] extends [Member] ? never : false) : never

type UnsoundRule<Rule, Value, Segment extends string> = Rule extends { readonly serve: infer Served }
  ?
      | Strays<Rule, keyof FlagRule>
      | UnsoundServe<Served, Value>
      | ('if' extends keyof Rule
          ? Rule extends { readonly if: infer Conditions }
            ? UnsoundConditions<Conditions, Segment>
            : false
          : never)
      | ('rings' extends keyof Rule
          ? Rule extends { readonly rings: infer Rings extends readonly unknown[] }
            ? UnsoundRing<Rings[number], Segment>
            : false
          : never)
      | ('upTo' extends keyof Rule ? (Rule extends { readonly upTo: RingName<Rule> } ? never : false) : never)
      | ('rollout' extends keyof Rule
          ? Rule extends { readonly rollout: infer Rollout }
            ? Strays<Rollout, keyof PercentRollout | keyof ExactRollout>
            : false
          : never)
      | ('layer' extends keyof Rule
          ? Rule extends { readonly layer: infer Layer }
            ? Strays<Layer, keyof FlagLayer>
            : false
          : never)
  : false

type UnsoundServe<Served, Value> = Served extends Value
  ? never
  : Served extends object
    ? [keyof Served] extends [Value]
      ? never
      : false
    : false

type UnsoundRing<Ring, Segment extends string> = Ring extends { readonly if: infer Conditions }
  ? Strays<Ring, keyof FlagRing> | UnsoundConditions<Conditions, Segment>
  : false

type Group = 'and' | 'or' | 'not' | 'segment'

type UnsoundConditions<Conditions, Segment extends string> = Conditions extends unknown
  ?
      | Strays<Conditions, FlagAttribute | Group>
      | UnsoundCondition<Conditions[Exclude<keyof Conditions, Group>]>
      | (Group & keyof Conditions extends never ? never : UnsoundGroups<Conditions, Segment>)
  : never

type UnsoundGroups<Conditions, Segment extends string> =
  | ('and' extends keyof Conditions
      ? Conditions extends { readonly and: infer Each extends readonly unknown[] }
        ? UnsoundConditions<Each[number], Segment>
        : false
      : never)
  | ('or' extends keyof Conditions
      ? Conditions extends { readonly or: infer Each extends readonly unknown[] }
        ? UnsoundConditions<Each[number], Segment>
        : false
      : never)
  | ('not' extends keyof Conditions
      ? Conditions extends { readonly not: infer Inner }
        ? UnsoundConditions<Inner, Segment>
        : false
      : never)
  | ('segment' extends keyof Conditions
      ? Conditions extends { readonly segment: Segment | readonly Segment[] }
        ? never
        : false
      : never)

/** One that may be undefined would hold for everybody. */
type UnsoundCondition<Condition> = Condition extends undefined
  ? false
  : Condition extends readonly unknown[]
    ? never
    : Condition extends object
      ? Strays<Condition, FlagOperator> | (undefined extends Condition[keyof Condition] ? false : never)
      : never

type UnsoundPrerequisite<Prerequisite, Flags, Own> = Prerequisite extends {
  readonly flag: infer F
  readonly is: infer Is
}
  ? F extends keyof Flags
    ? F extends Own
      ? false
      : Is extends ServedBy<Flags[F]>
        ? never
        : false
    : false
  : false
