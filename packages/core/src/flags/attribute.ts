import { pathParts, valueAt } from '../catalog/dotted-path.ts'
import type { Actor, Tenant } from '../vocabulary.ts'

/** Who a flag is evaluated for. */
export interface FlagSubject {
  readonly tenant: Tenant
  readonly actor: Actor
}

export type ReadAttribute = (subject: FlagSubject) => unknown

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
}

/** A reader of one attribute path; what does not exist reads as `undefined`, and only own members are read. */
export function attributeReader(path: string): ReadAttribute {
  const parts = pathParts(path) ?? []
  const [root, ...rest] = parts
  const name = rest.join('.')
  if (root === 'actor') return Object.hasOwn(ACTOR, name) ? (ACTOR[name] as ReadAttribute) : () => undefined
  if (root !== 'org') return () => undefined
  if (Object.hasOwn(TENANT, name)) return TENANT[name] as ReadAttribute
  return ({ tenant }) => valueAt(tenant.attributes, rest)
}
