import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ConfigOutput, ConfigPath, ConfigValue } from '../catalog/config-paths.ts'
import type { Catalog } from '../catalog/definitions.ts'
import { pathParts, valueAt } from '../catalog/dotted-path.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import { ThroughlineError } from '../errors.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { CommitResult, DocumentQuery, DocumentSet, DocumentWrite, QuotaMove } from '../storage/records.ts'
import {
  applyEdits,
  type ConfigEdit,
  changeEvent,
  configInvalid,
  editIssues,
  readEdits,
  readUnsets,
} from './config-change.ts'
import { checkConfig } from './config-schema.ts'
import { type ConfigTree, mergeTrees, treeOf } from './config-tree.ts'
import type { ConfigView } from './config-view.ts'

/** What config reads of an open tenant context. */
export interface ConfigScope {
  readonly tenant: { readonly id: string }
  readonly snapshot: { readonly config: ConfigView }
}

/** A change of a config and the event it leaves, in one transaction. */
export interface ConfigChange {
  readonly writes: readonly DocumentWrite[]
  readonly quotas: readonly QuotaMove[]
  readonly event: Omit<JournalEvent, 'notable'>
}

/** Config of the current tenant: default < plan < tenant. */
export interface Config<C extends Catalog = RegisteredCatalog> {
  /**
   * What stands at a path. Synchronous; frozen.
   *
   * @throws ThroughlineError `TENANT_REQUIRED` outside a tenant context, `CONFIG_INVALID` if it is no path
   */
  get<P extends ConfigPath<C>>(path: P): ConfigValue<C, P>
  /** The whole config. Synchronous; frozen. */
  all(): ConfigOutput<C>
  /**
   * Sets values of the tenant's own; all of them or none. Objects are set as a whole.
   *
   * @throws ThroughlineError `CONFIG_INVALID` with all `details.issues`, `CONFIG_CONFLICT`, `TENANT_REQUIRED`
   */
  set(values: { readonly [P in ConfigPath<C>]?: ConfigValue<C, P> }): Promise<void>
  /**
   * Takes the tenant's own values back: the plan's and the schema's defaults hold again.
   *
   * @throws ThroughlineError `CONFIG_INVALID`, `CONFIG_CONFLICT`, `TENANT_REQUIRED`
   */
  unset(paths: readonly ConfigPath<C>[]): Promise<void>
}

export interface ConfigOptions {
  /** The open tenant context; throws `TENANT_REQUIRED` outside of one. */
  scope(): ConfigScope
  readonly schema: StandardSchemaV1
  /** Commits a change of the scope's tenant; the context sees it from then on. */
  commit(scope: ConfigScope, change: ConfigChange): Promise<CommitResult>
  /** Reads documents as they are now. */
  read(query: DocumentQuery): Promise<DocumentSet>
}

/** Attempts of one change, each over the newest version. */
const ATTEMPTS = 4

/** Makes the config engine. Every change is validated, versioned and recorded in one transaction. */
export function createConfig<C extends Catalog = RegisteredCatalog>(options: ConfigOptions): Config<C> {
  const values = (): unknown => options.scope().snapshot.config.values
  return {
    get: (path) => valueAt(values(), partsOf(path)) as ConfigValue<C, typeof path>,
    all: () => values() as ConfigOutput<C>,
    set: async (edits) => change(options, readEdits(edits)),
    unset: async (paths) => change(options, readUnsets(paths)),
  }
}

async function change(options: ConfigOptions, edits: readonly ConfigEdit[]): Promise<void> {
  const scope = options.scope()
  const view = scope.snapshot.config
  const tenant = scope.tenant.id
  let stored = { own: view.own, version: view.version }
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const own = applyEdits(stored.own, edits)
    const changes = JSON.stringify(own) !== JSON.stringify(stored.own)
    if (changes) {
      const before = await outputOf(options.schema, mergeTrees(view.plan, stored.own))
      const after = await validOutput(options.schema, view.plan, own, edits)
      const result = await options.commit(scope, {
        writes: [{ kind: 'config', tenant, key: '', value: own, expect: stored.version }],
        quotas: [],
        event: changeEvent(edits, before, after),
      })
      if (result.status === 'committed') return
    }
    const { documents } = await options.read({ tenant, kinds: ['config'], key: '' })
    const version = documents[0]?.version ?? 0
    // What the snapshot has already may have been changed since by another context.
    if (!changes && version === stored.version) return
    stored = { own: treeOf(documents[0]?.value), version }
  }
  throw new ThroughlineError('CONFIG_CONFLICT')
}

async function validOutput(
  schema: StandardSchemaV1,
  plan: ConfigTree,
  own: ConfigTree,
  edits: readonly ConfigEdit[],
): Promise<unknown> {
  const checked = await checkConfig(schema, mergeTrees(plan, own))
  const issues = checked.issues ?? editIssues(edits, own, checked.output)
  if (issues.length > 0) throw configInvalid(issues)
  return checked.output
}

/** The schema's output, or the input as it is where the schema refuses it. */
async function outputOf(schema: StandardSchemaV1, input: ConfigTree): Promise<unknown> {
  const checked = await checkConfig(schema, input)
  return checked.issues ? input : checked.output
}

function partsOf(path: string): readonly string[] {
  const parts = pathParts(path)
  if (parts) return parts
  throw configInvalid([{ path: String(path).slice(0, 100), message: 'is no path: give names joined by dots.' }])
}
