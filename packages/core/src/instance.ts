import { withRoles } from './actor.ts'
import { Checkpoints } from './checkpoints.ts'
import type { PlatformContext, ScopeOwner, Snapshot } from './context/index.ts'
import { Scope } from './context/index.ts'
import { ThroughlineError } from './errors.ts'
import type { MembershipRule, PipelineHost } from './http/pipeline-host.ts'
import type { Activity, Journal } from './journal/index.ts'
import { Listeners } from './listeners.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { ChangeAuthor, RecordedChange } from './recorded-change.ts'
import { recordOf } from './recorded-change.ts'
import type { CommitResult } from './storage/records.ts'
import type { TelemetryPort } from './telemetry-port.ts'
import { isTenantId } from './tenant-id.ts'
import type { IsMember, Membership, TenantState } from './tenants/index.ts'
import { MembershipRules } from './tenants/index.ts'
import type { Actor, RequestInfo } from './vocabulary.ts'

const CLOSE_TIMEOUT_MS = 10_000
/** A context older than this looks again before it writes. */
const CHECKPOINT_MS = 2_000

export interface InstanceParts<S extends Snapshot> {
  readonly engines: object
  readonly telemetry: TelemetryPort & { sawSnapshot(ageMs: number): void }
  readonly journal: Journal
  readonly tenants: TenantState<S & { readonly stale: boolean }>
  readonly observes: PipelineHost['observes']
  readonly membershipRule: PipelineHost['membershipRule']
  /** Our own members table, where it exists. */
  readonly isOurMember: IsMember
  onFailure(error: unknown): void
  now(): number
  start(): Promise<void>
  stop(): Promise<void>
}

/** Where an instance keeps what adapters need of it. */
export const HOST: unique symbol = Symbol.for('throughline.host')

/** Any instance, as adapters take it. */
export interface ThroughlineHost {
  readonly [HOST]: Instance<Snapshot>
}

/** One instance at work: which contexts are open, what they see, and how they change things. */
export class Instance<S extends Snapshot> implements PipelineHost, ScopeOwner<S> {
  readonly engines: object
  readonly telemetry: TelemetryPort
  readonly observes: PipelineHost['observes']
  readonly membershipRule: PipelineHost['membershipRule']
  /** Of tests alone: an identity in place of the app's login. */
  identityOf: PipelineHost['identityOf']
  readonly #parts: InstanceParts<S>
  /** Bound: it is handed on as it is. */
  readonly onFailure: (error: unknown) => void = (error) => this.#parts.onFailure(error)
  /** Told first when the instance closes: what would stay open for hours ends then. */
  readonly closing: Listeners<void>
  readonly #memberships: MembershipRules
  readonly #checkpoints: Checkpoints<S>
  #started = false
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #open = 0
  #whenIdle: (() => void) | undefined

  constructor(parts: InstanceParts<S>) {
    this.#parts = parts
    this.engines = parts.engines
    this.telemetry = parts.telemetry
    this.observes = parts.observes
    this.membershipRule = parts.membershipRule
    this.closing = new Listeners((error) => this.onFailure(error))
    const { tenants, observes, isOurMember } = parts
    const now = (): number => parts.now()
    this.#memberships = new MembershipRules(now, isOurMember)
    this.#checkpoints = new Checkpoints({ tenants, memberships: this.#memberships, observes, now })
    this.starting?.catch(() => undefined)
  }

  /** Undefined once it has started; a start that failed is tried again by whoever asks next. */
  get starting(): Promise<void> | undefined {
    if (this.#started || this.#closing) return undefined
    this.#starting ??= this.#parts
      .start()
      .then(
        () => {
          this.#started = true
        },
        (error: unknown) => {
          // Whoever waits for the start may show no more of it than a 503.
          this.onFailure(error)
          throw error
        },
      )
      .finally(() => {
        this.#starting = undefined
      })
    return this.#starting
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  now(): number {
    return this.#parts.now()
  }

  admit(inside = false): () => void {
    if (this.#closing && !inside) throw new ThroughlineError('CLOSED')
    this.#open += 1
    let left = false
    return () => {
      if (left) return
      left = true
      this.#open -= 1
      if (this.#open === 0) this.#whenIdle?.()
    }
  }

  openActivity(trace?: string): Activity {
    return this.#parts.journal.openActivity(trace)
  }

  /** Strict routes refuse before the handler when what they do could not be recorded. */
  get recording(): boolean {
    return this.#parts.journal.healthy
  }

  snapshot(tenantId: string): MaybePromise<S | undefined> {
    // Wherever the id comes from: the operator's trail stands under an id that no tenant can have.
    return isTenantId(tenantId) ? this.#parts.tenants.get(tenantId) : undefined
  }

  isMember(rule: MembershipRule, actor: Actor, tenantId: string): MaybePromise<Membership> {
    return rule === 'claimed' ? { member: true } : this.#memberships.of(rule).of(actor, tenantId)
  }

  forgetMembers(tenantId: string): void {
    this.#memberships.forget(tenantId)
  }

  openScope(parts: {
    snapshot: Snapshot
    actor: Actor
    activity: Activity
    request: RequestInfo | undefined
    rule: MembershipRule | undefined
    roles?: readonly string[] | undefined
  }): Scope<S> {
    const { actor: login, activity, request, rule, roles } = parts
    const actor = withRoles(login, roles)
    const snapshot = parts.snapshot as S
    activity.tenant = snapshot.tenant.id
    activity.actor = actor
    const { telemetry, tenants } = this.#parts
    telemetry.entered(snapshot.tenant)
    if (telemetry.decisions) {
      const now = this.now()
      telemetry.sawSnapshot(now - (tenants.confirmedAt(snapshot.tenant.id) ?? now))
    }
    return new Scope({
      owner: this,
      snapshot,
      login,
      actor,
      activity,
      request,
      membership: rule,
      seenAt: this.#checkpoints.seenAt(snapshot),
    })
  }

  reload(scope: Scope<S>): Promise<void> {
    return this.#checkpoints.reload(scope)
  }

  refresh(scope: Scope<S>): Promise<void> {
    return this.#checkpoints.refresh(scope)
  }

  /** Commits a change of the current tenant; the context sees it. */
  async commit(scope: Scope<S>, change: RecordedChange): Promise<CommitResult> {
    if (change.writes?.length && scope.joined) {
      throw new ThroughlineError('WITHIN_UNSUPPORTED', {
        message: 'A change of state is committed by itself: it can not join a transaction of the app.',
        remedy: 'Make the change before `within` or after it.',
      })
    }
    // A write is a checkpoint: a suspended tenant or a removed member changes nothing any more. Giving back is none.
    if (!givesBack(change) && this.now() - scope.seenAt > CHECKPOINT_MS) await this.reload(scope)
    const { activity, request } = scope
    const id = scope.tenant.id
    const result = await this.#commit(id, change, { actor: scope.actor, trace: activity.traceId, request })
    if (result.status === 'committed' && change.writes?.length) await this.#seeOwnChange(scope)
    return result
  }

  /** Commits a change of the operator's, on the trail of the tenant it concerns (or on the operator's own). */
  commitAs(context: PlatformContext, trail: string, change: RecordedChange): Promise<CommitResult> {
    const { actor, reason, activity } = context
    return this.#commit(trail, change, { actor, reason, trace: activity.traceId, request: undefined })
  }

  /** Stops intake, waits for open contexts, and gives everything back. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.closing.send()
    if (this.#open > 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
        timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
      })
      clearTimeout(timer)
    }
    await this.#starting?.catch(() => undefined)
    await this.#parts.stop()
  }

  /** The change is committed: that it can't be seen at once, or ends the actor's own membership, must not fail it. */
  async #seeOwnChange(scope: Scope<S>): Promise<void> {
    try {
      const snapshot = await this.#parts.tenants.get(scope.tenant.id)
      if (snapshot) scope.see(snapshot, this.now())
    } catch (error) {
      this.onFailure(error)
      scope.seenAt = Number.NEGATIVE_INFINITY
    }
  }

  async #commit(trail: string, change: RecordedChange, by: ChangeAuthor): Promise<CommitResult> {
    await this.starting
    const { writes = [], quotas = [], event } = change
    const record = recordOf(trail, change, by, this.now())
    const result = await this.#parts.journal.commit(trail, { writes, quotas }, record ? [JSON.stringify(record)] : [])
    if (result.status === 'committed') {
      if (event) this.telemetry.decisions?.noted(event)
      // It is committed: that it can't be seen at once must not fail it, and the next look sees it.
      for (const { scope } of result.versions) {
        await this.#parts.tenants.changed(scope).catch((error) => this.onFailure(error))
      }
    }
    return result
  }
}

/** Units go back whoever may go on: else the quota would have counted what the ledger has not. */
function givesBack({ writes = [], quotas = [] }: RecordedChange): boolean {
  return writes.length === 0 && quotas.length > 0 && quotas.every(({ delta }) => delta < 0)
}
