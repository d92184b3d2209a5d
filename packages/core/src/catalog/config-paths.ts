import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Json } from '../vocabulary.ts'
import type { Catalog } from './definitions.ts'

/** Levels of a config that have typed paths; the run-time bound is the same. */
type Deeper = [never, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
type Depth = Deeper[number]

/** What a path ends at: lists and scalars are one value, set as a whole. */
type Leaf =
  | string
  | number
  | boolean
  | bigint
  | symbol
  | null
  | undefined
  | readonly unknown[]
  | Date
  | ((...args: never[]) => unknown)

type Paths<T, D extends Depth> = [D] extends [never]
  ? never
  : T extends Leaf
    ? never
    : { [K in Extract<keyof T, string>]: K | `${K}.${Paths<NonNullable<T[K]>, Deeper[D]>}` }[Extract<keyof T, string>]

type At<T, P extends string> = T extends Leaf
  ? undefined
  : P extends `${infer Head}.${infer Rest}`
    ? Head extends keyof T
      ? At<NonNullable<T[Head]>, Rest> | Extract<T[Head], undefined>
      : undefined
    : P extends keyof T
      ? T[P]
      : undefined

/** The output of the catalog's config schema; unknown when there is no catalog or no schema. */
export type ConfigOutput<C extends Catalog> = C extends { readonly config: infer S extends StandardSchemaV1 }
  ? StandardSchemaV1.InferOutput<S>
  : unknown

/** Dotted paths of the config: `webhooks`, `webhooks.url`. Any string when the catalog is not known. */
export type ConfigPath<C extends Catalog> = unknown extends ConfigOutput<C> ? string : Paths<ConfigOutput<C>, 9>

/** What stands at a path, `undefined` where a part of the path is optional. */
export type ConfigValue<C extends Catalog, P extends string> =
  unknown extends ConfigOutput<C> ? Json | undefined : At<ConfigOutput<C>, P>
