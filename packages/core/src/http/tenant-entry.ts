import { ANONYMOUS, normaliseActor } from '../actor.ts'
import type { Scope, Snapshot } from '../context/scope.ts'
import type { ErrorCode } from '../errors.ts'
import { ThroughlineError } from '../errors.ts'
import type { Activity } from '../journal/activity.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { isPromise, next } from '../maybe-promise.ts'
import type { Resolution } from '../resolve/resolve-tenant.ts'
import { resolveTenant } from '../resolve/resolve-tenant.ts'
import type { SourceInput, TenantSource, Trust } from '../resolve/source.ts'
import { toSource } from '../resolve/source.ts'
import type { Actor, Json } from '../vocabulary.ts'
import type { Exchange } from './exchange.ts'
import { noteRefusal } from './note-refusal.ts'
import type { MembershipRule, PipelineHost } from './pipeline-host.ts'
import type { TenantContextOptions } from './tenant-context-options.ts'

/** Decides as which tenant and actor a request is let in, if it is: resolves, decides membership, loads the snapshot. */
export class TenantEntry<Req> {
  readonly #host: PipelineHost
  readonly #options: TenantContextOptions<Req>
  readonly #sources: readonly TenantSource<Req>[]

  constructor(host: PipelineHost, options: TenantContextOptions<Req>) {
    this.#host = host
    this.#options = options
    const inputs: readonly SourceInput<Req>[] = Array.isArray(options.tenant) ? options.tenant : [options.tenant]
    this.#sources = inputs.map(toSource)
  }

  /** The scope to enter; `undefined` where observing lets a request through that has none. */
  enter({ carrier, message }: Exchange<Req>, activity: Activity): MaybePromise<Scope | undefined> {
    const identity = this.#host.identityOf?.(message)
    if (identity) {
      return next(this.#host.snapshot(identity.tenant), (snapshot) => {
        if (!snapshot) return this.#refuse(activity, this.#foreign, { action: 'tenant.unknown' })
        return this.#admitTo(snapshot, normaliseActor(identity.actor) ?? ANONYMOUS, undefined, activity)
      })
    }
    const resolution = resolveTenant(this.#sources, carrier, message)
    if (isPromise(resolution)) return resolution.then((resolved) => this.#enterResolved(resolved, carrier, activity))
    return this.#enterResolved(resolution, carrier, activity)
  }

  #enterResolved(resolution: Resolution, carrier: Req, activity: Activity): MaybePromise<Scope | undefined> {
    const actor = this.#actorOf(resolution, carrier)
    if (isPromise(actor)) return actor.then((found) => this.#admitActor(resolution, found, activity))
    return this.#admitActor(resolution, actor, activity)
  }

  #actorOf(resolution: Resolution, carrier: Req): MaybePromise<Actor | undefined> {
    if (resolution.status !== 'none' && resolution.actor) return normaliseActor(resolution.actor)
    const { actor } = this.#options
    return actor ? next(actor(carrier), normaliseActor) : undefined
  }

  #admitActor(resolution: Resolution, actor: Actor | undefined, activity: Activity): MaybePromise<Scope | undefined> {
    if (actor) activity.actor = actor
    const acting = actor ?? (this.#options.anonymous === 'allow' ? ANONYMOUS : undefined)
    if (resolution.status === 'none') {
      // Without a login there is nobody to name a tenant: that is the answer such a client needs.
      return this.#refuse(activity, acting ? 'TENANT_UNRESOLVED' : 'ACTOR_REQUIRED')
    }
    if (resolution.status === 'disagreement') return this.#disagree(resolution, acting, activity)
    const { tenant, trust, sources, forgeable, member } = resolution
    // Anybody can write a header: it can't choose the tenant of a visitor nobody vouches for.
    const rule = member ? 'claimed' : actor ? this.#ruleFor(trust) : forgeable ? 'untrusted' : undefined
    const snapshot = this.#host.snapshot(tenant)
    if (isPromise(snapshot)) return snapshot.then((loaded) => this.#admitAs(loaded, acting, rule, sources, activity))
    return this.#admitAs(snapshot, acting, rule, sources, activity)
  }

  #admitAs(
    snapshot: Snapshot | undefined,
    acting: Actor | undefined,
    rule: MembershipRule | 'untrusted' | undefined,
    sources: readonly string[],
    activity: Activity,
  ): MaybePromise<Scope | undefined> {
    if (!snapshot) {
      // The answer is that of a tenant that exists. Which id was tried is not kept: made-up ids can't fill the trail.
      const known = !acting ? 'ACTOR_REQUIRED' : rule === 'untrusted' ? 'TENANT_SOURCE_UNTRUSTED' : undefined
      return this.#refuse(activity, known ?? this.#foreign, { action: 'tenant.unknown' })
    }
    activity.tenant = snapshot.tenant.id
    if (!acting) return this.#refuse(activity, 'ACTOR_REQUIRED')
    if (rule === 'untrusted') {
      const open = (): Scope => this.#open(snapshot, acting, activity, undefined)
      return this.#refuse(activity, 'TENANT_SOURCE_UNTRUSTED', { metadata: { sources }, open })
    }
    if (snapshot.tenant.status !== 'suspended') this.#host.telemetry.decisions?.allowed('resolution')
    return this.#admitTo(snapshot, acting, rule, activity)
  }

  #admitTo(
    snapshot: Snapshot,
    actor: Actor,
    rule: MembershipRule | undefined,
    activity: Activity,
  ): MaybePromise<Scope | undefined> {
    // Membership first: that a tenant is suspended is its members' to know.
    if (rule === undefined || rule === 'claimed') return this.#admitMember(snapshot, actor, activity, rule)
    return next(this.#host.isMember(rule, actor, snapshot.tenant.id), ({ member, roles }) => {
      const open = () => this.#admitMember(snapshot, actor, activity, rule, roles)
      if (!member) return this.#refuse(activity, this.#foreign, { layer: 'membership', reason: 'NOT_MEMBER', open })
      this.#host.telemetry.decisions?.allowed('membership')
      return open()
    })
  }

  #admitMember(
    snapshot: Snapshot,
    actor: Actor,
    activity: Activity,
    rule: MembershipRule | undefined,
    roles?: readonly string[],
  ): Scope | undefined {
    if (snapshot.tenant.status !== 'suspended') return this.#open(snapshot, actor, activity, rule, roles)
    const open = (): Scope => this.#open(snapshot, actor, activity, rule, roles)
    return this.#refuse(activity, 'TENANT_SUSPENDED', { open })
  }

  #open(
    snapshot: Snapshot,
    actor: Actor,
    activity: Activity,
    rule: MembershipRule | undefined,
    roles?: readonly string[],
  ): Scope {
    return this.#host.openScope({ snapshot, actor, activity, request: activity.request, rule, roles })
  }

  /** Several sources name different tenants: refused, on the trail of the tenant whose credentials were used. */
  #disagree(
    resolution: Extract<Resolution, { status: 'disagreement' }>,
    actor: Actor | undefined,
    activity: Activity,
  ): MaybePromise<Scope | undefined> {
    const sources = resolution.sources.map(({ source, tenant }) => ({ source, tenant }))
    const proven = resolution.sources.find((source) => source.trust === 'proves')
    if (!proven) return this.#refuse(activity, 'TENANT_DISAGREEMENT', { metadata: { sources } })
    return next(this.#host.snapshot(proven.tenant), (snapshot) => {
      if (snapshot) activity.tenant = snapshot.tenant.id
      const refused = this.#refuse(activity, 'TENANT_DISAGREEMENT', { metadata: { sources } })
      // Observed: the proven tenant's, as far as membership, a layer of its own, lets it in.
      const rule = proven.member ? 'claimed' : this.#ruleFor(proven.member === false ? 'names' : 'proves')
      return snapshot && actor && rule !== 'untrusted' ? this.#admitTo(snapshot, actor, rule, activity) : refused
    })
  }

  #ruleFor(trust: Trust): MembershipRule | 'untrusted' {
    const { membership } = this.#options
    const { proven, named } = this.#host.membershipRule
    if (membership === undefined) return trust === 'proves' ? proven : (named ?? 'untrusted')
    // A claim proves nothing when the only source is one that anybody can write.
    return membership === 'claimed' && trust === 'names' ? 'untrusted' : membership
  }

  get #foreign(): ErrorCode {
    return this.#options.foreign === 'forbid' ? 'TENANT_FORBIDDEN' : 'TENANT_NOT_FOUND'
  }

  /** Notes a refusal and throws it; where its layer only observes, lets the request through. */
  #refuse(activity: Activity, code: ErrorCode, refusal: Refusal = {}): Scope | undefined {
    const { layer = 'resolution', action = 'auth.refused', reason, metadata = {}, open } = refusal
    const error = new ThroughlineError(code, reason === undefined ? {} : { details: { reason } })
    const observed = this.#host.observes[layer]
    noteRefusal(activity, error, action, observed, metadata)
    if (observed) return open?.()
    throw error
  }
}

interface Refusal {
  readonly layer?: 'resolution' | 'membership'
  readonly action?: string
  readonly reason?: string
  readonly metadata?: Readonly<Record<string, Json>>
  /** What an observed refusal enters all the same. */
  readonly open?: () => Scope | undefined
}
