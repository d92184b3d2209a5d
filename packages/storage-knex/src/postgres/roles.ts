/** The roles that use a schema which another role owns. */
export interface Roles {
  readonly app: string
  readonly platform: string
}
