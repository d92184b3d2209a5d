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
  readonly #ready = new Map<string, ActorRequest>()

  constructor(tenant: string, policies: readonly ResolvedPolicy[]) {
    this.#tenant = tenant
    this.#policies = policies
  }

  of(actor: Actor): ActorRequest {
    const subject = subjectOf(actor)
    const known = this.#ready.get(subject)
    if (known) return known
    const policies = this.#policies.map((resolved) =>
      resolved.by === 'actor' ? withSubject(resolved, subject) : resolved,
    )
    const operations = policies.map(({ operation }) => operation)
    const made: ActorRequest = { request: { group: this.#tenant, operations, units: 1, mode: 'take' }, policies }
    if (this.#ready.size >= MAX_ACTORS) this.#ready.clear()
    this.#ready.set(subject, made)
    return made
  }
}

/** An actor in keys: an API key and a user of one id are two. */
export function subjectOf({ type, id }: Actor): string {
  return `${type}:${id}`
}
