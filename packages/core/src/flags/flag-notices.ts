import type { StoredDocument } from '../storage/records.ts'

/** What this process found out about the definitions of flags. */
export type FlagNotice =
  /** Definitions changed at run time, by this process or another; contexts that are entered from now on see it. */
  | { readonly type: 'changed'; readonly keys: readonly string[] }
  /** The definitions could not be confirmed lately: the last known ones are served. */
  | { readonly type: 'stale' }
  /** They are known to be current again. */
  | { readonly type: 'fresh' }

export type FlagListener = (notice: FlagNotice) => void

/** Keys of the flags whose definition at run time is another one, or is there or gone. */
export function changedFlags(before: readonly StoredDocument[], after: readonly StoredDocument[]): readonly string[] {
  const known = versions(before)
  const found = versions(after)
  return [...new Set([...known.keys(), ...found.keys()])].filter((key) => known.get(key) !== found.get(key))
}

function versions(documents: readonly StoredDocument[]): Map<string, number> {
  return new Map(documents.filter(({ kind }) => kind === 'flags').map(({ key, version }) => [key, version]))
}
