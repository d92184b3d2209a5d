import type { Catalog } from './definitions.ts'

/** What a flag may refer to. What is absent is not known, and not checked. */
export interface FlagSurroundings {
  /** All flags by key, as they are without this definition. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** Keys of all flags, where no more is known of them. */
  readonly keys?: readonly string[]
  /** The flag's own key. */
  readonly key?: string
  /** Names of the catalog's segments. */
  readonly segments?: readonly string[]
  /** Whether tenants can be counted. */
  readonly tenantsListed?: boolean
}

/** What a catalog names, which stays so for as long as a process runs: what its flags say may change. */
export function namedIn({ flags = {}, segments = {} }: Catalog): FlagSurroundings {
  return { keys: Object.keys(flags), segments: Object.keys(segments) }
}
