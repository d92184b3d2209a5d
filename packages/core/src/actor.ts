import { didYouMean } from './did-you-mean.ts'
import { ThroughlineError } from './errors.ts'
import type { Actor, ActorInput, ActorType } from './vocabulary.ts'

const TYPES: readonly ActorType[] = ['user', 'api_key', 'service', 'system']

/** Who acts where nobody logged in and the app allows that. */
export const ANONYMOUS: Actor = Object.freeze({ id: 'anonymous', type: 'user' })

/** Whether nobody logged in: there is no one to tell from others. */
export function isAnonymous(actor: Actor): boolean {
  return actor.id === ANONYMOUS.id && actor.type === ANONYMOUS.type
}

/**
 * An app's actor made ours: frozen, `user` unless said; `undefined` when it has no usable id.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` for a type that is none: taken for a user it might be let in as one
 */
export function normaliseActor(input: ActorInput | null | undefined): Actor | undefined {
  if (input === null || typeof input !== 'object') return undefined
  const id = typeof input.id === 'number' ? String(input.id) : input.id
  if (typeof id !== 'string' || id === '' || id.length > 200) return undefined
  const type = typeOf(input.type)
  if (input.name === undefined && input.roles === undefined) return Object.freeze({ id, type })
  return Object.freeze({
    id,
    type,
    ...(typeof input.name === 'string' && { name: input.name.slice(0, 200) }),
    ...(Array.isArray(input.roles) && { roles: Object.freeze(input.roles.map(String)) }),
  })
}

/** Whether it is one of the types that actors have. */
export function isActorType(type: unknown): type is ActorType {
  return TYPES.includes(type as ActorType)
}

function typeOf(type: unknown): ActorType {
  if (type === undefined || type === null) return 'user'
  if (isActorType(type)) return type
  const shown = typeof type === 'string' ? `"${type.slice(0, 100)}"` : `a ${typeof type}`
  const problem = `the actor's type is ${shown}; it must be one of ${TYPES.join(', ')}, or left out for a user.`
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `actor: ${problem}${typeof type === 'string' ? didYouMean(type.slice(0, 100), TYPES) : ''}`,
    details: { problems: [problem] },
  })
}

/** A member with the roles that its membership brings; its own where that says nothing of roles. */
export function withRoles(actor: Actor, roles: readonly string[] | undefined): Actor {
  return roles ? Object.freeze({ ...actor, roles }) : actor
}
