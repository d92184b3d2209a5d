import type { StandardSchemaV1 } from '@standard-schema/spec'
import { nestPaths } from '../catalog/nested.ts'
import { type MaybePromise, next } from '../maybe-promise.ts'
import type { Json } from '../vocabulary.ts'
import type { ConfigIssue } from './config-schema.ts'
import { checkConfig } from './config-schema.ts'
import { type ConfigTree, deepFreeze, mergeTrees, treeOf, withoutValue } from './config-tree.ts'

/** What one snapshot of one tenant knows of its config. */
export interface ConfigView {
  /** The schema's output: default < plan < tenant. Frozen. */
  readonly values: unknown
  /** The plan's part. */
  readonly plan: ConfigTree
  /** What the tenant set. */
  readonly own: ConfigTree
  /** Of the tenant's document; 0 when it has none. */
  readonly version: number
  /** Paths the tenant had set and the schema refuses (any more): they count for nothing until mended. */
  readonly refused: readonly string[]
}

/** A tenant's config as it is stored. */
export interface StoredConfig {
  readonly value: Json
  readonly version: number
}

/** Each look takes out what the one before complained about; a schema may name one problem at a time. */
const MAX_LOOKS = 10
/** Further ones are not looked at one by one: they are refused. */
const MAX_NAMES = 500

/**
 * One tenant's config. What it has set and the schema refuses since a deploy does not lock the tenant out: it is left
 * out, and named in `refused`. Synchronous when the schema is.
 *
 * @param plan config defaults of the tenant's plan, by dotted path
 * @param stored the tenant's document, `undefined` when it set nothing
 */
export function configView(
  schema: StandardSchemaV1,
  plan: Readonly<Record<string, Json>> | undefined,
  stored: StoredConfig | undefined,
): MaybePromise<ConfigView> {
  const planTree = nestPaths(Object.entries(plan ?? {}))
  const own = treeOf(stored?.value)
  const view = (values: unknown, refused: readonly string[]): ConfigView =>
    Object.freeze({ values: deepFreeze(values), plan: planTree, own, version: stored?.version ?? 0, refused })
  const look = (left: ConfigTree, refused: readonly string[], looks: number): MaybePromise<ConfigView> =>
    next(checkConfig(schema, mergeTrees(planTree, left)), ({ issues, output }) => {
      if (!issues) return view(output, refused)
      const found = looks < MAX_LOOKS ? refusedParts(left, issues) : []
      if (found.length === 0) return keyByKey(schema, planTree, left, refused, view)
      return look(
        found.reduce((tree, parts) => withoutValue(tree, parts), left),
        [...refused, ...found.map((parts) => parts.join('.'))],
        looks + 1,
      )
    })
  return look(own, [], 1)
}

/**
 * Where the schema does not say where the problem is: what it takes on top of the plan, member by member. Not even that
 * where the plan's part is refused itself.
 */
function keyByKey(
  schema: StandardSchemaV1,
  plan: ConfigTree,
  own: ConfigTree,
  refused: readonly string[],
  view: (values: unknown, refused: readonly string[]) => ConfigView,
): MaybePromise<ConfigView> {
  const names = Object.keys(own)
  const add = (at: number, taken: ConfigTree, values: unknown, left: readonly string[]): MaybePromise<ConfigView> => {
    const name = names[at]
    if (name === undefined || at === MAX_NAMES) return view(values, [...left, ...names.slice(at)])
    const more = { ...taken, [name]: own[name] as Json }
    return next(checkConfig(schema, mergeTrees(plan, more)), ({ issues, output }) =>
      issues ? add(at + 1, taken, values, [...left, name]) : add(at + 1, more, output, left),
    )
  }
  return next(checkConfig(schema, plan), (planned) =>
    planned.issues
      ? next(checkConfig(schema, {}), (bare) => view(bare.output ?? {}, [...refused, ...names]))
      : add(0, {}, planned.output, refused),
  )
}

/** What of a tree the issues are about: a list is refused with its element, and an object with the member that it lacks. */
function refusedParts(tree: ConfigTree, issues: readonly ConfigIssue[]): readonly (readonly string[])[] {
  const found = issues.map(({ path }) => nearestParts(tree, path.split('.'))).filter((parts) => parts.length > 0)
  return [...new Map(found.map((parts) => [parts.join('.'), parts])).values()]
}

/** As much of a path as there is; nothing where not even its first part is there. */
function nearestParts(tree: ConfigTree, parts: readonly string[]): readonly string[] {
  let below: Json | undefined = tree
  for (const [depth, part] of parts.entries()) {
    const members: ConfigTree = treeOf(below)
    if (!Object.hasOwn(members, part)) return parts.slice(0, depth)
    below = members[part]
  }
  return parts
}
