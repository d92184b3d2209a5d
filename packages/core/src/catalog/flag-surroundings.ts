/** What a flag may refer to. What is absent is not known, and not checked. */
export interface FlagSurroundings {
  /** All flags by key, as they are without this definition. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** The flag's own key. */
  readonly key?: string
  /** Names of the catalog's segments. */
  readonly segments?: readonly string[]
  /** Whether tenants can be counted. */
  readonly tenantsListed?: boolean
}
