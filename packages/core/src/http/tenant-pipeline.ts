import { runIn } from '../context/ambient.ts'
import type { Scope } from '../context/scope.ts'
import { ThroughlineError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { isPromise } from '../maybe-promise.ts'
import { yesOrNo } from '../yes-or-no.ts'
import type { Exchange, OpenExchange } from './exchange.ts'
import { openExchangeOf } from './exchange.ts'
import { noteRefusal } from './note-refusal.ts'
import { openRequest } from './open-request.ts'
import { compilePaths } from './path-patterns.ts'
import type { HttpPipeline, PipelineHost } from './pipeline-host.ts'
import type { TenantContextOptions } from './tenant-context-options.ts'
import { checkTenantContext } from './tenant-context-options.ts'
import { TenantEntry } from './tenant-entry.ts'

/** The middleware after the app's login: opens the request, has its tenant decided, and enters the context. */
export class TenantPipeline<Req> implements HttpPipeline<Req> {
  readonly #host: PipelineHost
  readonly #entry: TenantEntry<Req>
  readonly #tenantless: (exchange: Exchange<Req>) => boolean
  readonly #excluded: (path: string) => boolean

  /** @throws ThroughlineError `OPTIONS_INVALID` */
  constructor(host: PipelineHost, options: TenantContextOptions<Req>) {
    checkTenantContext(options, host.membershipRule.named === 'ours')
    this.#host = host
    this.#entry = new TenantEntry(host, options)
    const { tenantless } = options
    if (typeof tenantless === 'function') {
      this.#tenantless = ({ carrier }) => yesOrNo('tenantContext: tenantless', tenantless(carrier))
    } else {
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
    let entering: MaybePromise<Scope | undefined>
    try {
      if (this.#tenantless(exchange)) entering = undefined
      else if (!open.trace) entering = this.#entry.enter(exchange, open.activity)
      else entering = this.#host.telemetry.context(() => this.#entry.enter(exchange, open.activity))
    } catch (error) {
      this.#refuse(open, error, fail)
      return
    }
    if (isPromise(entering)) this.#proceedLater(open, entering, proceed, fail)
    else this.#proceed(open, entering, proceed, fail)
  }

  /** Apart: an answer at once needs no closures. */
  #proceedLater(
    open: OpenExchange,
    entering: Promise<Scope | undefined>,
    proceed: () => void,
    fail: (error: unknown) => void,
  ): void {
    entering.then(
      (scope) => this.#proceed(open, scope, proceed, fail),
      (error: unknown) => this.#refuse(open, error, fail),
    )
  }

  #proceed(open: OpenExchange, scope: Scope | undefined, proceed: () => void, fail: (error: unknown) => void): void {
    const entered = open.scope
    if (entered && scope && entered.tenant.id !== scope.tenant.id) {
      // Another tenantContext of the same request has let it in as another tenant's.
      staysOf(open)
      const error = new ThroughlineError('TENANT_DISAGREEMENT')
      noteRefusal(open.activity, error, 'auth.refused', this.#host.observes.resolution, {})
      if (this.#host.observes.resolution) runIn(entered, proceed)
      else this.#refuse(open, error, fail)
      return
    }
    if (scope) scope.holds = open.holds
    open.scope = scope ?? entered
    runIn(open.scope ?? { kind: 'open', activity: open.activity }, proceed)
  }

  #refuse(open: OpenExchange, error: unknown, fail: (error: unknown) => void): void {
    staysOf(open)
    // What a source refuses by itself: a key or a token that does not hold.
    const byItself = error instanceof ThroughlineError && error.status < 500 && !open.activity.refused
    if (byItself) noteRefusal(open.activity, error, 'auth.refused', false, {})
    runIn({ kind: 'open', activity: open.activity }, () => fail(error))
  }
}

/** What an entered request did stays its tenant's, whatever another `tenantContext` says of it. */
function staysOf({ activity, scope }: OpenExchange): void {
  if (!scope) return
  activity.tenant = scope.tenant.id
  activity.actor = scope.actor
}
