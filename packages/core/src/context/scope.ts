import type { EventTemplate } from '../event.ts'
import type { RequestAnswer } from '../request-answer.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { TelemetryPort } from '../telemetry-port.ts'
import type { Actor, RequestInfo, Tenant, TenantContext } from '../vocabulary.ts'
import { Holds } from './holds.ts'
import type { JoinedRecord } from './joined.ts'
import { joinedOf } from './joined.ts'

/** What a context knows of its tenant: loaded at once, immutable, read synchronously. */
export interface Snapshot {
  readonly tenant: Tenant
  /** Version of the tenant's state; grows with every committed change. */
  readonly version: number
  /** Version of the platform's definitions. */
  readonly platformVersion: number
  /** ms: when the newest change of the definitions that was scheduled and holds began to; absent where none does. */
  readonly scheduledAt?: number
  /** Served although it could not be confirmed lately: the records database did not answer. */
  readonly stale: boolean
}

/** The record a context leaves: routine events are counted, notable ones are kept. */
export interface ContextActivity {
  readonly id: string
  readonly traceId: string
  /** Absent outside of requests. */
  readonly answer?: RequestAnswer | undefined
  /** Must reach the journal itself; see the `strict` guard. */
  strict: boolean
  /** The response does not wait for it; see the `background` guard. */
  background: boolean
  fold(template: EventTemplate, count?: number): void
  note(event: JournalEvent): void
  recordUsage(entry: UsageEntry): void
  /** Makes what was noted so far durable, as one part of the record. */
  settlePart(): Promise<void>
}

export interface UsageEntry {
  readonly meter: string
  readonly quantity: number
  readonly key?: string
  /** Set when the units are counted by a hard quota of this period. */
  readonly quotaPeriod?: string
  /** ms: when the latest of the tenant's periods began; absent where they are UTC's. */
  readonly periodFrom?: number
}

/** Who opened a context, and how the context may look again. */
export interface ScopeOwner<S extends Snapshot> {
  /** The engines a guard may ask. */
  readonly engines: object
  readonly telemetry: TelemetryPort
  now(): number
  /**
   * A checkpoint: the context sees its tenant and its actor's roles as they are, at most 2 s ago. Refused if the tenant
   * is suspended or the actor no member any more.
   */
  reload(scope: Scope<S>): Promise<void>
  /** The same, as they are now. */
  refresh(scope: Scope<S>): Promise<void>
  /** Tells the log what nobody else is told. */
  readonly onFailure: (error: unknown) => void
}

/** One open tenant context, as the inside sees it. */
export class Scope<S extends Snapshot = Snapshot> {
  readonly kind = 'tenant'
  readonly owner: ScopeOwner<S>
  /** Who acts, as the app's login or the caller says: without the roles that a membership brings. */
  readonly login: Actor
  readonly activity: ContextActivity
  readonly request: RequestInfo | undefined
  /** How membership was decided, so that a checkpoint can decide it again. */
  readonly membership: unknown
  /** What guards reserved for this context, decided when it settles. */
  holds: Holds = new Holds()
  #snapshot: S
  #actor: Actor
  #context: TenantContext | undefined
  #asOf: number | undefined
  /** ms: when the snapshot was taken into this context. */
  seenAt: number

  constructor(parts: {
    owner: ScopeOwner<S>
    snapshot: S
    login: Actor
    actor: Actor
    activity: ContextActivity
    request: RequestInfo | undefined
    membership: unknown
    seenAt: number
  }) {
    this.owner = parts.owner
    this.login = parts.login
    this.#actor = parts.actor
    this.activity = parts.activity
    this.request = parts.request
    this.membership = parts.membership
    this.#snapshot = parts.snapshot
    this.seenAt = parts.seenAt
  }

  get snapshot(): S {
    return this.#snapshot
  }

  get tenant(): Tenant {
    return this.#snapshot.tenant
  }

  get actor(): Actor {
    return this.#actor
  }

  /** What is counted by route counts under this: `GET /reports/:id`, and one and the same outside of requests. */
  get route(): string {
    return this.request ? `${this.request.method} ${this.activity.answer?.route() ?? '*'}` : ''
  }

  /** ms: what rules take for now. It stands still until the context looks again, so that nothing flips while it is open. */
  get asOf(): number {
    this.#asOf ??= this.owner.now()
    return this.#asOf
  }

  /** The public, frozen face of this scope. */
  get context(): TenantContext {
    this.#context ??= Object.freeze({
      tenant: this.#snapshot.tenant,
      actor: this.#actor,
      ...(this.request && { request: Object.freeze(this.request) }),
      traceId: this.activity.traceId,
    })
    return this.#context
  }

  /** Where the app's own records go while it fills a transaction of its own. */
  get joined(): JoinedRecord | undefined {
    return joinedOf(this)
  }

  /** The context's own committed changes, or what a checkpoint found. */
  see(snapshot: S, now: number, actor: Actor = this.#actor): void {
    this.#snapshot = snapshot
    this.#actor = actor
    this.#context = undefined
    this.#asOf = undefined
    this.seenAt = now
  }

  fold(template: EventTemplate, count?: number): void {
    this.activity.fold(template, count)
  }

  note(event: JournalEvent): void {
    this.activity.note(event)
  }

  recordUsage(entry: UsageEntry): void {
    this.activity.recordUsage(entry)
  }

  settlePart(): Promise<void> {
    return this.activity.settlePart()
  }
}
