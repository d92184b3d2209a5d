import type { IncomingMessage } from 'node:http'
import type { Scope, Snapshot } from '../context/scope.ts'
import type { Activity } from '../journal/activity.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { TelemetryPort } from '../telemetry-port.ts'
import type { IsMember, Membership } from '../tenants/membership.ts'
import type { Actor, ActorInput, RequestInfo } from '../vocabulary.ts'
import type { Exchange } from './exchange.ts'

/** How it is decided that an actor belongs to a tenant. */
export type MembershipRule = 'claimed' | 'ours' | IsMember

/** What the pipeline needs of the instance it serves. */
export interface PipelineHost {
  /** Undefined once it is ready. */
  readonly starting: Promise<void> | undefined
  readonly telemetry: TelemetryPort
  readonly observes: { readonly resolution: boolean; readonly membership: boolean }
  /** The instance's own rule for sources that prove, and for those that only name. */
  readonly membershipRule: { readonly proven: MembershipRule; readonly named: MembershipRule | undefined }
  /** Of tests alone: an identity in place of the app's login. */
  identityOf: ((message: IncomingMessage) => { tenant: string; actor: ActorInput } | undefined) | undefined
  now(): number
  openActivity(trace: string | undefined): Activity
  /**
   * A request began; the returned function is called when its record is closed.
   *
   * @param inside it is part of what was admitted and goes on
   * @throws ThroughlineError `CLOSED`
   */
  admit(inside?: boolean): () => void
  /** The tenant's snapshot; `undefined` if there is no such tenant. */
  snapshot(tenantId: string): MaybePromise<Snapshot | undefined>
  isMember(rule: MembershipRule, actor: Actor, tenantId: string): MaybePromise<Membership>
  openScope(parts: {
    snapshot: Snapshot
    actor: Actor
    activity: Activity
    request: RequestInfo | undefined
    rule: MembershipRule | undefined
    /** What the membership brings. */
    roles?: readonly string[] | undefined
  }): Scope
  readonly onFailure: (error: unknown) => void
}

export interface HttpPipeline<Req> {
  /** Calls `proceed` inside the request's context, or `fail` with the refusal. */
  handle(exchange: Exchange<Req>, proceed: () => void, fail: (error: unknown) => void): void
}
