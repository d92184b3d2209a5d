import type { Actor, ActorInput, ActorType } from './vocabulary.ts'

const TYPES: ReadonlySet<ActorType> = new Set(['user', 'api_key', 'service', 'system'])

/** Who acts where nobody logged in and the app allows that. */
export const ANONYMOUS: Actor = Object.freeze({ id: 'anonymous', type: 'user' })

/** An app's actor made ours: frozen, `user` unless said; `undefined` when it has no usable id. */
export function normaliseActor(input: ActorInput | null | undefined): Actor | undefined {
  if (input === null || typeof input !== 'object') return undefined
  const id = typeof input.id === 'number' ? String(input.id) : input.id
  if (typeof id !== 'string' || id === '' || id.length > 200) return undefined
  const type = input.type !== undefined && TYPES.has(input.type) ? input.type : 'user'
  if (input.name === undefined && input.roles === undefined) return Object.freeze({ id, type })
  return Object.freeze({
    id,
    type,
    ...(typeof input.name === 'string' && { name: input.name.slice(0, 200) }),
    ...(Array.isArray(input.roles) && { roles: Object.freeze(input.roles.map(String)) }),
  })
}

/** A member with the roles that its membership brings; its own where that says nothing of roles. */
export function withRoles(actor: Actor, roles: readonly string[] | undefined): Actor {
  return roles ? Object.freeze({ ...actor, roles }) : actor
}
