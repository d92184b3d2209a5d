import type { LimitRequest } from '../storage/limits.ts'
import type { Actor } from '../vocabulary.ts'
import { type ResolvedPolicy, withSubject } from './resolved-policy.ts'

/** What is asked for a cost of 1, of the policies of one limit, for one actor. */
export interface ActorRequest {
  readonly request: LimitRequest
  readonly policies: readonly ResolvedPolicy[]
}

/** Actors whose requests are kept ready; beyond it they are made anew. */
const MAX_ACTORS = 1_000

/** The requests of one tenant's actors to one limit, made once. */
export class ActorRequests {
  readonly #tenant: string
  readonly #policies: readonly ResolvedPolicy[]
  /** By type and id: no key has to be put together for what is ready. */
  readonly #ready = new Map<Actor['type'], Map<string, ActorRequest>>()
  #size = 0

  constructor(tenant: string, policies: readonly ResolvedPolicy[]) {
    this.#tenant = tenant
    this.#policies = policies
  }

  of(actor: Actor): ActorRequest {
    const known = this.#ready.get(actor.type)?.get(actor.id)
    if (known) return known
    const subject = subjectOf(actor)
    const policies = this.#policies.map((resolved) =>
      resolved.by === 'actor' ? withSubject(resolved, subject) : resolved,
    )
    const operations = policies.map(({ operation }) => operation)
    const made: ActorRequest = { request: { group: this.#tenant, operations, units: 1, mode: 'take' }, policies }
    if (this.#size >= MAX_ACTORS) {
      this.#ready.clear()
      this.#size = 0
    }
    const ofType = this.#ready.get(actor.type) ?? new Map<string, ActorRequest>()
    this.#ready.set(actor.type, ofType.set(actor.id, made))
    this.#size += 1
    return made
  }
}

/** An actor in keys: an API key and a user of one id are two. */
export function subjectOf({ type, id }: Actor): string {
  return `${type}:${id}`
}
