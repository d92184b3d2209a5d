import type { IsMember } from './membership.ts'
import { Memberships } from './membership.ts'

const MAX_MEMBERSHIPS = 50_000

/** What is known of memberships, by the rule that decides them: our own table's, or a function of the app's. */
export class MembershipRules {
  readonly #now: () => number
  readonly #isOurMember: IsMember
  readonly #byRule = new Map<'ours' | IsMember, Memberships>()

  constructor(now: () => number, isOurMember: IsMember) {
    this.#now = now
    this.#isOurMember = isOurMember
  }

  of(rule: 'ours' | IsMember): Memberships {
    let memberships = this.#byRule.get(rule)
    if (!memberships) {
      const isMember = rule === 'ours' ? this.#isOurMember : rule
      memberships = new Memberships({ max: MAX_MEMBERSHIPS, now: this.#now, isMember })
      this.#byRule.set(rule, memberships)
    }
    return memberships
  }

  /** Forgets what is known of a tenant's members. */
  forget(tenantId: string): void {
    for (const memberships of this.#byRule.values()) memberships.invalidate(tenantId)
  }
}
