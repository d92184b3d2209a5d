import type { DocumentKind } from '@throughline/core/storage'

/** What a table is for: the records themselves, usage, or one kind of document. An absent engine has no tables. */
export type Feature = 'records' | 'usage' | 'limits' | DocumentKind

/**
 * One step of the schema. `expand` only adds, so that the release before it still runs; `contract` removes what no
 * supported release needs any more.
 */
export interface Migration {
  /** Unique, and never changed once released. */
  readonly name: string
  readonly feature: Feature
  readonly phase: 'expand' | 'contract'
  readonly statements: readonly string[]
}

/** Where one migration stands in a database. */
export interface MigrationState {
  readonly name: string
  readonly feature: Feature
  readonly phase: Migration['phase']
  /** ms since the epoch; absent: not applied. */
  readonly appliedAt?: number
}

/** The features that a database has tables of; all, where it has none. */
export function presentFeatures(states: readonly MigrationState[]): readonly Feature[] {
  const applied = states.filter((state) => state.appliedAt !== undefined)
  return [...new Set((applied.length > 0 ? applied : states).map((state) => state.feature))]
}

/** The names of the migrations that the features of a database still lack. */
export function missingNames(states: readonly MigrationState[]): readonly string[] {
  const features = presentFeatures(states)
  return states.filter((it) => it.appliedAt === undefined && features.includes(it.feature)).map(({ name }) => name)
}

/** The features that opening a storage asks for. */
export function featuresOf(options: { readonly kinds: readonly DocumentKind[]; readonly usage: boolean }): Feature[] {
  return ['records', ...(options.usage ? (['usage'] as const) : []), ...options.kinds]
}
