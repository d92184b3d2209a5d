import type { ActorAttribute, RequestAttribute } from '../catalog/attribute-names.ts'
import { pathParts, valueAt } from '../catalog/dotted-path.ts'
import type { Actor, RequestInfo, Tenant } from '../vocabulary.ts'

/** What a call adds for the rules to read, under `context.` alone: whatever it is called, it is nothing of the tenant's. */
export type FlagAttributes = Readonly<Record<string, unknown>>

/** Who a flag is evaluated for, and where. */
export interface FlagSubject {
  readonly tenant: Tenant
  readonly actor: Actor
  /** Absent outside of requests. */
  readonly request?: RequestInfo | undefined
  /** `GET /reports/:id`. */
  readonly route?: string
  readonly attributes?: FlagAttributes | undefined
  /** ms: what the rules take for now, so that nothing flips while a context is open. */
  readonly asOf?: number | undefined
}

type ReadAttribute = (subject: FlagSubject) => unknown

const TENANT: Readonly<Record<string, ReadAttribute>> = {
  id: ({ tenant }) => tenant.id,
  plan: ({ tenant }) => tenant.plan,
  name: ({ tenant }) => tenant.name,
  status: ({ tenant }) => tenant.status,
  created_at: ({ tenant }) => tenant.createdAt,
}

const ACTOR: Readonly<Record<string, ReadAttribute>> = {
  id: ({ actor }) => actor.id,
  type: ({ actor }) => actor.type,
  name: ({ actor }) => actor.name,
  roles: ({ actor }) => actor.roles,
} satisfies Record<ActorAttribute, ReadAttribute>

const REQUEST: Readonly<Record<string, ReadAttribute>> = {
  method: ({ request }) => request?.method,
  path: ({ request }) => request?.path,
  route: (subject) => (subject.request ? subject.route : undefined),
  host: ({ request }) => request?.host,
  ip: ({ request }) => request?.ip,
  userAgent: ({ request }) => request?.userAgent,
  id: ({ request }) => request?.id,
} satisfies Record<RequestAttribute, ReadAttribute>

/** A reader of one attribute path; what does not exist reads as `undefined`, and only own members are read. */
export function attributeReader(path: string): ReadAttribute {
  const [root, ...rest] = pathParts(path) ?? []
  const name = rest.join('.')
  if (root === 'actor') return known(ACTOR, name)
  if (root === 'request') return known(REQUEST, name)
  if (root === 'context') return ({ attributes }) => valueAt(attributes, rest)
  if (root !== 'org') return () => undefined
  if (Object.hasOwn(TENANT, name)) return known(TENANT, name)
  return ({ tenant }) => valueAt(tenant.attributes, rest)
}

/** Whether only the tenant decides what stands there, and not who acts, the request or the call. */
export function isOfTenant(path: string): boolean {
  return path.startsWith('org.')
}

function known(readers: Readonly<Record<string, ReadAttribute>>, name: string): ReadAttribute {
  return (Object.hasOwn(readers, name) && readers[name]) || (() => undefined)
}
