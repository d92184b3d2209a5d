import type { LimitRequest } from '../storage/limits.ts'
import type { Actor } from '../vocabulary.ts'
import { type ResolvedPolicy, withSubject } from './resolved-policy.ts'

/** What is asked for a cost of 1, of the policies of one limit, for one actor. */
export interface ReadyRequest {
  readonly request: LimitRequest
  readonly policies: readonly ResolvedPolicy[]
}

/** Actors whose requests are kept ready; beyond it they are made anew. */
const MAX_ACTORS = 1_000

/** What one tenant's actors ask of one limit, made once: of a limit that no actor makes a difference to, for all of them. */
export class ReadyRequests {
  readonly #tenant: string
  readonly #policies: readonly ResolvedPolicy[]
  readonly #ofEachActor: boolean
  /** By type and id: no key has to be put together for what is ready. */
  readonly #ready = new Map<Actor['type'], Map<string, ReadyRequest>>()
  #size = 0
  /** Who asked last, and what: the same actor is likely to ask again. */
  #lastActor: Actor | undefined
  #last: ReadyRequest | undefined

  constructor(tenant: string, policies: readonly ResolvedPolicy[]) {
    this.#tenant = tenant
    this.#policies = policies
    this.#ofEachActor = policies.some(({ by }) => by === 'actor')
  }

  of(actor: Actor): ReadyRequest {
    if (this.#last && (!this.#ofEachActor || isSame(this.#lastActor, actor))) return this.#last
    this.#last = this.#ready.get(actor.type)?.get(actor.id) ?? this.#make(actor)
    this.#lastActor = actor
    return this.#last
  }

  #make(actor: Actor): ReadyRequest {
    const subject = subjectOf(actor)
    const policies = this.#policies.map((resolved) =>
      resolved.by === 'actor' ? withSubject(resolved, subject) : resolved,
    )
    const operations = policies.map(({ operation }) => operation)
    const made: ReadyRequest = { request: { group: this.#tenant, operations, units: 1, mode: 'take' }, policies }
    if (this.#size >= MAX_ACTORS) {
      this.#ready.clear()
      this.#size = 0
    }
    const ofType = this.#ready.get(actor.type) ?? new Map<string, ReadyRequest>()
    this.#ready.set(actor.type, ofType.set(actor.id, made))
    this.#size += 1
    return made
  }
}

/** An actor in keys: an API key and a user of one id are two. */
export function subjectOf({ type, id }: Actor): string {
  return `${type}:${id}`
}

function isSame(a: Actor | undefined, b: Actor): boolean {
  return a === b || (a?.id === b.id && a.type === b.type)
}
