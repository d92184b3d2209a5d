import { isActorType } from '../actor.ts'
import { callOptionProblem } from '../call-options.ts'
import { describe } from '../catalog/problems.ts'
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
import type { ActorType, Json } from '../vocabulary.ts'
import type { IsMember } from './membership.ts'
import type { PageOptions } from './page-options.ts'
import { readPage } from './page-options.ts'

/** A member of the current tenant. */
export interface Member {
  readonly id: string
  /** An actor of another type is another one, whatever its id. */
  readonly type: ActorType
  readonly roles: readonly string[]
  /** ISO 8601, UTC. */
  readonly since: string
}

export interface MemberOptions {
  readonly roles?: readonly string[]
  /** `user` unless said. A member keeps the type that it was added with. */
  readonly type?: ActorType
}

/** Members of the current tenant, in our own table (`tenants: 'ours'`). */
export interface Members {
  /**
   * Adds an actor, or changes its roles.
   *
   * @throws ThroughlineError `TENANT_REQUIRED`, `TENANT_INVALID` for an id, a type or roles that are none, `CONFLICT`
   */
  add(actorId: string, options?: MemberOptions): Promise<Member>
  /**
   * Removes an actor; false if it was no member. Its open contexts end at their next checkpoint.
   *
   * @throws ThroughlineError `TENANT_REQUIRED`, `TENANT_INVALID`, `CONFLICT`
   */
  remove(actorId: string): Promise<boolean>
  /**
   * Ordered by id, 100 a page unless said, at most 1,000.
   *
   * @throws ThroughlineError `TENANT_REQUIRED`, `QUERY_INVALID`
   */
  list(page?: PageOptions): Promise<readonly Member[]>
}

export interface MembersPort {
  tenantId(): string
  commit(change: { writes: DocumentWrite[]; event: Omit<JournalEvent, 'notable'> }): Promise<CommitResult>
  read(query: DocumentQuery): Promise<DocumentSet>
  list(query: ListQuery): Promise<readonly StoredDocument[]>
  now(): number
}

const MAX_ROLES = 50
/** Attempts of one change, each over what is there by then. */
const ATTEMPTS = 10

/** One member as it is stored. */
type StoredMember = { readonly roles: readonly string[]; readonly since: string; readonly type?: ActorType }

/** What is to become of a member; `undefined`: nothing. */
interface MemberChange {
  readonly value: StoredMember | null
  readonly action: string
  readonly metadata: Record<string, Json>
}

export function createMembers(port: MembersPort): Members {
  /** Answers the member as it was: what two have changed at once is on the trail one after the other. */
  const change = async (
    id: string,
    decide: (before: Member | undefined) => MemberChange | undefined,
  ): Promise<Member | undefined> => {
    const tenant = port.tenantId()
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const document = await findMember(port, tenant, id)
      const before = document && memberOf(document)
      const decided = decide(before)
      if (!decided) return before
      const { value, action, metadata } = decided
      const committed = await port.commit({
        writes: [{ kind: 'members', tenant, key: id, value, expect: document?.version ?? 0 }],
        event: { action, targets: [{ type: 'member', id }], metadata },
      })
      if (committed.status === 'committed') return before
    }
    throw new ThroughlineError('CONFLICT')
  }
  return {
    async add(actorId, options = {}) {
      const { roles, type } = readMember(actorId, options)
      let member: StoredMember = { roles, since: '' }
      await change(actorId, (before) => {
        if (before && type !== undefined && type !== before.type) throw otherType(before)
        const kind = before?.type ?? type ?? 'user'
        const since = before?.since ?? new Date(port.now()).toISOString()
        member = { roles, since, ...(kind !== 'user' && { type: kind }) }
        return {
          value: member,
          action: before ? 'member.roles_changed' : 'member.added',
          metadata: before ? { before: before.roles, after: roles } : { roles, ...(kind !== 'user' && { type: kind }) },
        }
      })
      return { id: actorId, type: 'user', ...member }
    },
    async remove(actorId) {
      readMember(actorId, {})
      const before = await change(
        actorId,
        (member) => member && { value: null, action: 'member.removed', metadata: { roles: [...member.roles] } },
      )
      return before !== undefined
    },
    async list(page = {}) {
      const tenant = port.tenantId()
      const { limit, after } = readPage(page)
      const found = await port.list({
        kind: 'members',
        tenant,
        limit,
        ...(after !== undefined && { after: { tenant, key: after } }),
      })
      return found.map(memberOf)
    },
  }
}

/** Membership as our own table has it. */
export function ourMembership(port: Pick<MembersPort, 'read'>): IsMember {
  return async ({ id, type }, tenant) => {
    if (!isMemberId(id)) return false
    const document = await findMember(port, tenant, id)
    const member = document && memberOf(document)
    // An API key and a user may have one id.
    return member?.type === type && member
  }
}

async function findMember(
  { read }: Pick<MembersPort, 'read'>,
  tenant: string,
  actorId: string,
): Promise<StoredDocument | undefined> {
  const { documents } = await read({ tenant, kinds: ['members'], key: actorId })
  return documents[0]
}

function memberOf(document: StoredDocument): Member {
  const { roles, since, type = 'user' } = document.value as StoredMember
  return { id: document.key, type, roles, since }
}

/** In UTF-8 the halves of a pair all look alike, and what a database holds is UTF-8. */
function isMemberId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= 200 && id.isWellFormed()
}

/** The list of roles is the caller's, and may be another one by the time that it is stored. */
function readMember(actorId: string, options: MemberOptions): { roles: readonly string[]; type?: ActorType } {
  if (!isMemberId(actorId)) throw invalid('A member id has 1 to 200 well-formed characters.')
  const problem = callOptionProblem(options, ['roles', 'type'], 'a member')
  if (problem !== undefined) throw invalid(problem)
  const { roles = [], type } = options
  const valid =
    Array.isArray(roles) && roles.length <= MAX_ROLES && roles.every((r) => typeof r === 'string' && r !== '')
  if (!valid) throw invalid(`Roles are a list of at most ${MAX_ROLES} names.`)
  if (type !== undefined && !isActorType(type)) throw invalid(`"type" is no type of an actor: ${describe(type)}.`)
  return { roles: [...roles], ...(type !== undefined && { type }) }
}

function otherType({ id, type }: Member): ThroughlineError {
  return invalid(
    `${describe(id)} is a member already, as ${type}: remove it first, or give the other one an id of its own.`,
  )
}

function invalid(message: string): ThroughlineError {
  return new ThroughlineError('TENANT_INVALID', { message })
}
