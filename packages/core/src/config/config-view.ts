import type { StandardSchemaV1 } from '@standard-schema/spec'
import { nestPaths } from '../catalog/nested.ts'
import { type MaybePromise, next } from '../maybe-promise.ts'
import type { Json } from '../vocabulary.ts'
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

  return next(checkConfig(schema, mergeTrees(planTree, own)), (all) => {
    if (!all.issues) return view(all.output, [])
    const refused = [...new Set(all.issues.map(({ path }) => path))]
    const rest = refused.reduce((tree, path) => withoutValue(tree, path.split('.')), own)
    return next(checkConfig(schema, mergeTrees(planTree, rest)), (some) => {
      if (!some.issues) return view(some.output, refused)
      return next(checkConfig(schema, planTree), (planned) =>
        planned.issues
          ? next(checkConfig(schema, {}), (bare) => view(bare.output ?? {}, Object.keys(own)))
          : view(planned.output, Object.keys(own)),
      )
    })
  })
}
