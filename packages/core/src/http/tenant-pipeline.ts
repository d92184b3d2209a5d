import { ANONYMOUS, normaliseActor, withRoles } from '../actor.ts'
import { runIn } from '../context/ambient.ts'
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
import type { Actor, ActorInput, Json } from '../vocabulary.ts'
import type { OptionCheck } from './check-options.ts'
import { checkOptions, isFunction, isPaths, oneOf, oneOfOrFunction, PATHS, SOURCES } from './check-options.ts'
import type { Exchange, OpenExchange } from './exchange.ts'
import { openExchangeOf } from './exchange.ts'
import { noteRefusal } from './note-refusal.ts'
import { openRequest } from './open-request.ts'
import { compilePaths } from './path-patterns.ts'
import type { HttpPipeline, MembershipRule, PipelineHost } from './pipeline-host.ts'

export interface TenantContextOptions<Req> {
  /** What names the tenant: one source or several, which must then agree. A function reads the app's verified user. */
  readonly tenant: SourceInput<Req> | readonly SourceInput<Req>[]
  /** Who acts, from the app's login. An API key brings its own actor. */
  readonly actor?: (request: Req) => MaybePromise<ActorInput | null | undefined>
  /** A request without actor: refused with 401 (default), or let in as `anonymous`. */
  readonly anonymous?: 'refuse' | 'allow'
  /** Paths that have no tenant: `/healthz`, `/signup/*`. */
  readonly tenantless?: readonly string[] | ((request: Req) => boolean)
  /** Paths of which nothing is recorded. */
  readonly exclude?: readonly string[]
  /**
   * `claimed`: the source that names the tenant is proof (the app's verified user, a verified token, an API key); the
   * default where there is one. `ours`: our own members table; the default with `tenants: 'ours'` where the tenant is
   * only named. Or the app's own function; the default where `tenants.isMember` is given.
   */
  readonly membership?: MembershipRule
  /** What a foreign or unknown tenant gets: 404 (default: nobody can find out which tenants exist), or 403. */
  readonly foreign?: 'hide' | 'forbid'
}

const CHECKS = {
  tenant: SOURCES,
  actor: [isFunction, 'be a function'],
  anonymous: oneOf('refuse', 'allow'),
  tenantless: [(value: unknown) => isFunction(value) || isPaths(value), 'be a function, or a list of paths with "/"'],
  exclude: PATHS,
  membership: oneOfOrFunction('claimed', 'ours'),
  foreign: oneOf('hide', 'forbid'),
} as const

const WITHOUT_OURS: OptionCheck = [
  (value) => value !== 'ours' && CHECKS.membership[0](value),
  "be claimed or a function; 'ours' needs createThroughline({ tenants: 'ours' })",
]

/** The middleware after the app's login: resolves, decides membership, loads the snapshot and enters the context. */
export class TenantPipeline<Req> implements HttpPipeline<Req> {
  readonly #host: PipelineHost
  readonly #options: TenantContextOptions<Req>
  readonly #sources: readonly TenantSource<Req>[]
  readonly #tenantless: (exchange: Exchange<Req>) => boolean
  readonly #excluded: (path: string) => boolean

  /** @throws ThroughlineError `OPTIONS_INVALID` */
  constructor(host: PipelineHost, options: TenantContextOptions<Req>) {
    const oursExists = host.membershipRule.named === 'ours'
    const checks = oursExists ? CHECKS : { ...CHECKS, membership: WITHOUT_OURS }
    checkOptions('tenantContext', options, checks, ['tenant'])
    this.#host = host
    this.#options = options
    const inputs: readonly SourceInput<Req>[] = Array.isArray(options.tenant) ? options.tenant : [options.tenant]
    this.#sources = inputs.map(toSource)
    const { tenantless } = options
    if (typeof tenantless === 'function') this.#tenantless = ({ carrier }) => tenantless(carrier)
    else {
      const matches = compilePaths(tenantless ?? [])
      this.#tenantless = ({ path }) => matches(path)
    }
    this.#excluded = compilePaths(options.exclude ?? [])
  }

  handle(exchange: Exchange<Req>, proceed: () => void, fail: (error: unknown) => void): void {
    const { starting } = this.#host
    if (starting) starting.then(() => this.#open(exchange, proceed, fail), fail)
    else this.#open(exchange, proceed, fail)
  }

  #open(exchange: Exchange<Req>, proceed: () => void, fail: (error: unknown) => void): void {
    let open: OpenExchange
    try {
      open =
        openExchangeOf(exchange.response) ??
        openRequest(this.#host, exchange, { excluded: this.#excluded(exchange.path) })
      if (open.owner !== this.#host) throw new ThroughlineError('CONTEXT_MISMATCH')
      open.excluded ||= this.#excluded(exchange.path)
    } catch (error) {
      fail(error)
      return
    }
    const refuse = (error: unknown): void => {
      staysOf(open)
      // What a source refuses by itself: a key or a token that does not hold.
      const byItself = error instanceof ThroughlineError && error.status < 500 && !open.activity.refused
      if (byItself) noteRefusal(open.activity, error, 'auth.refused', false, {})
      runIn({ kind: 'open', activity: open.activity }, () => fail(error))
    }
    let entering: MaybePromise<Scope | undefined>
    try {
      if (this.#tenantless(exchange)) entering = undefined
      else if (!open.trace) entering = this.#enter(exchange, open.activity)
      else entering = this.#host.telemetry.context(() => this.#enter(exchange, open.activity))
    } catch (error) {
      refuse(error)
      return
    }
    if (isPromise(entering)) entering.then((scope) => this.#proceed(open, scope, proceed, refuse), refuse)
    else this.#proceed(open, entering, proceed, refuse)
  }

  #proceed(open: OpenExchange, scope: Scope | undefined, proceed: () => void, refuse: (error: unknown) => void): void {
    const entered = open.scope
    if (entered && scope && entered.tenant.id !== scope.tenant.id) {
      // Another tenantContext of the same request has let it in as another tenant's.
      staysOf(open)
      const error = new ThroughlineError('TENANT_DISAGREEMENT')
      noteRefusal(open.activity, error, 'auth.refused', this.#host.observes.resolution, {})
      if (this.#host.observes.resolution) runIn(entered, proceed)
      else refuse(error)
      return
    }
    if (entered && scope) scope.holds.push(...entered.holds)
    open.scope = scope ?? entered
    runIn(open.scope ?? { kind: 'open', activity: open.activity }, proceed)
  }

  /** The scope to enter; `undefined` where observing lets a request through that has none. */
  #enter(exchange: Exchange<Req>, activity: Activity): MaybePromise<Scope | undefined> {
    const { carrier, message } = exchange
    const identity = this.#host.identityOf?.(message)
    if (identity) {
      return next(this.#host.snapshot(identity.tenant), (snapshot) => {
        if (!snapshot) return this.#refuse(activity, this.#foreign, { action: 'tenant.unknown' })
        return this.#admitTo(snapshot, normaliseActor(identity.actor) ?? ANONYMOUS, undefined, activity)
      })
    }
    return next(resolveTenant(this.#sources, carrier, message), (resolution) =>
      next(this.#actorOf(resolution, carrier), (actor) => {
        if (actor) activity.actor = actor
        return this.#admitActor(resolution, actor, activity)
      }),
    )
  }

  #actorOf(resolution: Resolution, carrier: Req): MaybePromise<Actor | undefined> {
    if (resolution.status !== 'none' && resolution.actor) return normaliseActor(resolution.actor)
    const { actor } = this.#options
    return actor ? next(actor(carrier), normaliseActor) : undefined
  }

  #admitActor(resolution: Resolution, actor: Actor | undefined, activity: Activity): MaybePromise<Scope | undefined> {
    const acting = actor ?? (this.#options.anonymous === 'allow' ? ANONYMOUS : undefined)
    if (resolution.status === 'none') {
      // Without a login there is nobody to name a tenant: that is the answer such a client needs.
      return this.#refuse(activity, acting ? 'TENANT_UNRESOLVED' : 'ACTOR_REQUIRED')
    }
    if (resolution.status === 'disagreement') return this.#disagree(resolution, acting, activity)
    const { tenant, trust, sources, forgeable, member } = resolution
    // Anybody can write a header: it can't choose the tenant of a visitor nobody vouches for.
    const rule = member ? 'claimed' : actor ? this.#ruleFor(trust) : forgeable ? 'untrusted' : undefined
    return next(this.#host.snapshot(tenant), (snapshot) => {
      if (!snapshot) {
        // The answer is that of a tenant that exists. Which id was tried is not kept: made-up ids can't fill the trail.
        const known = !acting ? 'ACTOR_REQUIRED' : rule === 'untrusted' ? 'TENANT_SOURCE_UNTRUSTED' : undefined
        return this.#refuse(activity, known ?? this.#foreign, { action: 'tenant.unknown' })
      }
      activity.tenant = snapshot.tenant.id
      if (!acting) return this.#refuse(activity, 'ACTOR_REQUIRED')
      if (rule !== 'untrusted') {
        if (snapshot.tenant.status !== 'suspended') this.#host.telemetry.decisions?.allowed('resolution')
        return this.#admitTo(snapshot, acting, rule, activity)
      }
      const open = (): Scope => this.#host.openScope(scopeParts(snapshot, acting, activity, undefined))
      return this.#refuse(activity, 'TENANT_SOURCE_UNTRUSTED', { metadata: { sources }, open })
    })
  }

  #admitTo(
    snapshot: Snapshot,
    actor: Actor,
    rule: MembershipRule | undefined,
    activity: Activity,
  ): MaybePromise<Scope | undefined> {
    const open = (acting = actor): Scope | undefined => {
      const enter = (): Scope => this.#host.openScope(scopeParts(snapshot, acting, activity, rule))
      return snapshot.tenant.status === 'suspended'
        ? this.#refuse(activity, 'TENANT_SUSPENDED', { open: enter })
        : enter()
    }
    // Membership first: that a tenant is suspended is its members' to know.
    if (rule === undefined || rule === 'claimed') return open()
    return next(this.#host.isMember(rule, actor, snapshot.tenant.id), ({ member, roles }) => {
      if (member) {
        this.#host.telemetry.decisions?.allowed('membership')
        return open(withRoles(actor, roles))
      }
      return this.#refuse(activity, this.#foreign, { layer: 'membership', reason: 'NOT_MEMBER', open })
    })
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
      const rule = proven.member ? 'claimed' : this.#ruleFor('proves')
      return snapshot && actor ? this.#admitTo(snapshot, actor, rule, activity) : refused
    })
  }

  #ruleFor(trust: 'proves'): MembershipRule
  #ruleFor(trust: Trust): MembershipRule | 'untrusted'
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

/** What an entered request did stays its tenant's, whatever another `tenantContext` says of it. */
function staysOf({ activity, scope }: OpenExchange): void {
  if (!scope) return
  activity.tenant = scope.tenant.id
  activity.actor = scope.actor
}

function scopeParts(
  snapshot: Snapshot,
  actor: Actor,
  activity: Activity,
  rule: MembershipRule | undefined,
): Parameters<PipelineHost['openScope']>[0] {
  return { snapshot, actor, activity, request: activity.request, rule }
}
