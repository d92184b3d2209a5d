import type { Actor, RequestInfo, Tenant } from '../vocabulary.ts'
import type { FlagAttributes, FlagSubject } from './attribute.ts'

/** A context with what one call adds to it. What the call adds stands beside the context's own, never over it. */
export class CallSubject implements FlagSubject {
  readonly attributes: FlagAttributes
  readonly #context: FlagSubject

  constructor(context: FlagSubject, attributes: FlagAttributes) {
    this.#context = context
    this.attributes = attributes
  }

  get tenant(): Tenant {
    return this.#context.tenant
  }

  get actor(): Actor {
    return this.#context.actor
  }

  get request(): RequestInfo | undefined {
    return this.#context.request
  }

  get route(): string {
    return this.#context.route ?? ''
  }

  get asOf(): number | undefined {
    return this.#context.asOf
  }
}
