import { ThroughlineError } from '../errors.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type {
  CommitResult,
  DocumentQuery,
  DocumentSet,
  DocumentWrite,
  ListQuery,
  StoredDocument,
} from '../storage/records.ts'
import type { IsMember } from './membership.ts'

/** A member of the current tenant. */
export interface Member {
  readonly id: string
  readonly roles: readonly string[]
  /** ISO 8601, UTC. */
  readonly since: string
}

/** Members of the current tenant, in our own table (`tenants: 'ours'`). */
export interface Members {
  /**
   * Adds an actor, or changes its roles.
   *
   * @throws ThroughlineError `TENANT_REQUIRED`, `TENANT_INVALID` for an id or roles that are none
   */
  add(actorId: string, options?: { readonly roles?: readonly string[] }): Promise<Member>
  /** Removes an actor; false if it was no member. Its open contexts end at their next checkpoint. */
  remove(actorId: string): Promise<boolean>
  /** Ordered by id, at most 1,000 a page. */
  list(page?: { readonly after?: string; readonly limit?: number }): Promise<readonly Member[]>
}

export interface MembersPort {
  tenantId(): string
  commit(change: { writes: DocumentWrite[]; event: Omit<JournalEvent, 'notable'> }): Promise<CommitResult>
  read(query: DocumentQuery): Promise<DocumentSet>
  list(query: ListQuery): Promise<readonly StoredDocument[]>
  now(): number
}

const MAX_ROLES = 50

export function createMembers(port: MembersPort): Members {
  return {
    async add(actorId, options = {}) {
      const { roles: given = [] } = options
      checkMember(actorId, given)
      // The list is the caller's, and may be another one by the time that it is stored.
      const roles = [...given]
      const tenant = port.tenantId()
      const before = await findMember(port, tenant, actorId)
      const member = { roles, since: before?.since ?? new Date(port.now()).toISOString() }
      await port.commit({
        writes: [{ kind: 'members', tenant, key: actorId, value: member }],
        event: {
          action: before ? 'member.roles_changed' : 'member.added',
          targets: [{ type: 'member', id: actorId }],
          metadata: before ? { before: before.roles, after: roles } : { roles },
        },
      })
      return { id: actorId, ...member }
    },
    async remove(actorId) {
      checkMember(actorId, [])
      const tenant = port.tenantId()
      const before = await findMember(port, tenant, actorId)
      if (!before) return false
      await port.commit({
        writes: [{ kind: 'members', tenant, key: actorId, value: null }],
        event: {
          action: 'member.removed',
          targets: [{ type: 'member', id: actorId }],
          metadata: { roles: [...before.roles] },
        },
      })
      return true
    },
    async list({ after, limit = 100 } = {}) {
      const tenant = port.tenantId()
      const page = await port.list({
        kind: 'members',
        tenant,
        limit: Math.min(Math.max(1, Math.trunc(limit)), 1_000),
        ...(after !== undefined && { after: { tenant, key: after } }),
      })
      return page.map(memberOf)
    },
  }
}

/** Membership as our own table has it. */
export function ourMembership(port: Pick<MembersPort, 'read'>): IsMember {
  return (actor, tenant) => findMember(port, tenant, actor.id)
}

async function findMember(
  { read }: Pick<MembersPort, 'read'>,
  tenant: string,
  actorId: string,
): Promise<Member | undefined> {
  const { documents } = await read({ tenant, kinds: ['members'], key: actorId })
  return documents[0] && memberOf(documents[0])
}

function memberOf(document: StoredDocument): Member {
  const { roles, since } = document.value as { roles: readonly string[]; since: string }
  return { id: document.key, roles, since }
}

function checkMember(actorId: string, roles: readonly string[]): void {
  if (typeof actorId !== 'string' || actorId === '' || actorId.length > 200) {
    throw new ThroughlineError('TENANT_INVALID', { message: 'A member id has 1 to 200 characters.' })
  }
  const valid =
    Array.isArray(roles) && roles.length <= MAX_ROLES && roles.every((r) => typeof r === 'string' && r !== '')
  if (!valid)
    throw new ThroughlineError('TENANT_INVALID', { message: `Roles are a list of at most ${MAX_ROLES} names.` })
}
