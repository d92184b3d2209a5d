/** What JSON can say. Everything that reaches storage is this. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** A tenant's life: a suspended tenant's contexts are refused with `TENANT_SUSPENDED` (403). */
export type TenantStatus = 'active' | 'suspended'

/** An organization, the customer. Rules address it as `org.*`. */
export interface Tenant {
  readonly id: string
  readonly plan?: string
  readonly status: TenantStatus
  readonly name?: string
  /** ISO 8601, UTC. */
  readonly createdAt?: string
  /** IANA name: quotas count in its days and months; in UTC's where it is absent. */
  readonly timeZone?: string
  /** What the months of quotas are counted from: a day of the month (1 to 31), or a date or time in ISO 8601. */
  readonly billingAnchor?: string | number
  /** Everything else the app knows of it; rules address `org.<attribute>`. */
  readonly attributes: Readonly<Record<string, unknown>>
}

export type ActorType = 'user' | 'api_key' | 'service' | 'system'

/** Who acts. Rules address it as `actor.*`. */
export interface Actor {
  readonly id: string
  readonly type: ActorType
  readonly name?: string
  readonly roles?: readonly string[]
}

/** An actor as an app hands it in: `type` is `user` unless said. */
export interface ActorInput {
  readonly id: string | number
  readonly type?: ActorType
  readonly name?: string | undefined
  readonly roles?: readonly string[] | undefined
}

/** The HTTP request a context serves. `path` has no query string: secrets travel there. */
export interface RequestInfo {
  readonly method: string
  readonly path: string
  readonly host?: string
  readonly ip?: string
  readonly userAgent?: string
  readonly id?: string
}

/** The ambient context in which code runs. Frozen. */
export interface TenantContext {
  readonly tenant: Tenant
  readonly actor: Actor
  readonly request?: RequestInfo
  /** 32 hex digits, W3C trace-context's trace id. */
  readonly traceId: string
}

/** What was acted upon. */
export interface Target {
  readonly type: string
  readonly id: string
  readonly name?: string
}

export type Outcome = 'success' | 'failure' | 'refused'

/** The operator's own trail stands beside the tenants' under this id; no tenant may be called so. */
export const PLATFORM = '$platform'
