import { withRoles } from './actor.ts'
import type { Scope, Snapshot } from './context/index.ts'
import { ThroughlineError } from './errors.ts'
import { noteRefusal } from './http/note-refusal.ts'
import type { MembershipRule, PipelineHost } from './http/pipeline-host.ts'
import type { Membership, MembershipRules, TenantState } from './tenants/index.ts'

export interface CheckpointParts<S extends Snapshot> {
  readonly tenants: TenantState<S & { readonly stale: boolean }>
  readonly memberships: MembershipRules
  readonly observes: PipelineHost['observes']
  now(): number
}

/** Looks again, for a context that is open: whether its tenant and its actor may go on, and with what. */
export class Checkpoints<S extends Snapshot> {
  readonly #parts: CheckpointParts<S>

  constructor(parts: CheckpointParts<S>) {
    this.#parts = parts
  }

  /** By what is known here. */
  async reload(scope: Scope<S>): Promise<void> {
    const { tenants } = this.#parts
    this.#goOn(scope, await tenants.get(scope.tenant.id), await this.#membershipIn(scope))
  }

  /** By what is stored now. */
  async refresh(scope: Scope<S>): Promise<void> {
    const { tenants } = this.#parts
    this.#goOn(scope, await tenants.reload(scope.tenant.id), await this.#membershipIn(scope, 'now'))
  }

  /** How old a snapshot is counts from when it was known to be current: else a change could hide for twice as long. */
  seenAt(snapshot: S): number {
    const confirmed = snapshot.stale ? undefined : this.#parts.tenants.confirmedAt(snapshot.tenant.id)
    return confirmed ?? this.#parts.now()
  }

  async #membershipIn(scope: Scope<S>, asOf?: 'now'): Promise<Membership> {
    const rule = scope.membership as MembershipRule | undefined
    if (rule === undefined || rule === 'claimed') return { member: true }
    const memberships = this.#parts.memberships.of(rule)
    // The one that was asked for when it was let in: without the roles that the answer brought.
    const { login, tenant } = scope
    return asOf === 'now' ? memberships.ask(login, tenant.id) : memberships.of(login, tenant.id)
  }

  /** Lets a context go on with what was found, or refuses. */
  #goOn(scope: Scope<S>, snapshot: S | undefined, { member, roles }: Membership): void {
    const { observes } = this.#parts
    if (!snapshot) throw new ThroughlineError('TENANT_NOT_FOUND')
    if (snapshot.tenant.status === 'suspended') {
      refuseIn(scope, new ThroughlineError('TENANT_SUSPENDED'), observes.resolution)
    }
    if (!member) {
      const error = new ThroughlineError('TENANT_NOT_FOUND', { details: { reason: 'NOT_MEMBER' } })
      refuseIn(scope, error, observes.membership)
    }
    scope.see(snapshot, this.seenAt(snapshot), withRoles(scope.login, roles))
  }
}

/** Notes what a checkpoint found and refuses, unless its layer only observes. */
function refuseIn(scope: Pick<Scope, 'activity'>, error: ThroughlineError, observed: boolean): void {
  noteRefusal(scope.activity, error, 'auth.refused', observed, {})
  if (!observed) throw error
}
