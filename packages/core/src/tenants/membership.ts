import { LRUCache } from 'lru-cache'
import { ThroughlineError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { isPromise } from '../maybe-promise.ts'
import type { Actor } from '../vocabulary.ts'
import { lookedUp } from './look-up.ts'

const SERVED_MS = 2_000

/** Whether an actor belongs to a tenant, and as what. */
export interface Membership {
  readonly member: boolean
  readonly roles?: readonly string[]
}

/** The app's own answer: a boolean, or the roles of a member. */
export type IsMember = (
  actor: Actor,
  tenantId: string,
) => MaybePromise<boolean | { readonly roles: readonly string[] } | null | undefined>

/** A question that is not answered yet. */
interface Asked {
  /** ms */
  readonly at: number
  readonly membership: Promise<Membership>
}

/** Memberships by (tenant, actor), bounded, negative answers too; an answer is at most 2 s old. */
export class Memberships {
  readonly #isMember: IsMember
  readonly #now: () => number
  readonly #known: LRUCache<string, { readonly membership: Membership; readonly at: number }>
  /** The newest question about each, which others join. */
  readonly #asked: LRUCache<string, Asked>

  constructor(options: { max: number; now(): number; isMember: IsMember }) {
    this.#isMember = options.isMember
    this.#now = options.now
    this.#known = new LRUCache({ max: options.max })
    this.#asked = new LRUCache({ max: options.max })
  }

  /** Synchronous when known. Rejects when the look-up fails: an unknown membership is none. */
  of(actor: Actor, tenantId: string): MaybePromise<Membership> {
    const at = this.#now()
    const key = keyOf(actor, tenantId)
    const known = this.#known.get(key)
    if (known && at - known.at <= SERVED_MS) return known.membership
    const asked = this.#asked.get(key)
    // One that takes long may have read what was so before a change that must be seen by now.
    return asked && at - asked.at <= SERVED_MS ? asked.membership : this.ask(actor, tenantId)
  }

  /** As it is now, whatever is known. */
  ask(actor: Actor, tenantId: string): MaybePromise<Membership> {
    const at = this.#now()
    const key = keyOf(actor, tenantId)
    const answer = this.#isMember(actor, tenantId)
    if (!isPromise(answer)) return this.#keep(key, membershipOf(answer), at)
    const membership = lookedUp('The look-up of a member', Promise.resolve(answer)).then(membershipOf)
    const asked: Asked = { at, membership }
    this.#asked.set(key, asked)
    const ended = (found?: Membership): void => {
      // What was forgotten meanwhile, or asked anew, stays so.
      if (this.#asked.peek(key) !== asked) return
      this.#asked.delete(key)
      if (found) this.#keep(key, found, at)
    }
    membership.then(ended, () => ended())
    return membership
  }

  /** Forgets what is known of a tenant's members. */
  invalidate(tenantId: string): void {
    const prefix = `${tenantId}\n`
    for (const kept of [this.#known, this.#asked]) {
      for (const key of kept.keys()) if (key.startsWith(prefix)) kept.delete(key)
    }
  }

  #keep(key: string, membership: Membership, at: number): Membership {
    this.#known.set(key, { membership, at })
    return membership
  }
}

function keyOf(actor: Actor, tenantId: string): string {
  return `${tenantId}\n${actor.type}\n${actor.id}`
}

function membershipOf(answer: Awaited<ReturnType<IsMember>>): Membership {
  if (answer === true) return { member: true }
  if (answer === null || answer === undefined || answer === false) return { member: false }
  const { roles } = answer
  if (Array.isArray(roles)) return { member: true, roles: Object.freeze([...roles]) }
  // A row of the app's, say, or one role as a text, which is a list of its letters.
  const problem = 'isMember has answered with what is neither true, false nor { roles }, a list of names.'
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: problem,
    remedy: "Of a member let it answer true or { roles: ['admin'] }, of anybody else false or nothing.",
    details: { problems: [problem] },
  })
}
