import type { IsMember, TenantRow } from '@throughline/core'
import type { Knex } from 'knex'

/** A row of `organizations`. */
export interface OrganizationRow extends TenantRow {
  readonly id: string
  readonly name: string
  readonly plan: string
  readonly status: string
}

/** The application's own organizations and memberships, as Throughline asks for them. */
export interface Organizations {
  load(id: string): Promise<OrganizationRow | undefined>
  readonly isMember: IsMember
}

export function organizationsIn(directory: Knex): Organizations {
  return {
    load: (id) => directory<OrganizationRow>('organizations').where({ id }).first(),
    async isMember({ id }, organizationId) {
      const found = await directory('memberships').where({ organization_id: organizationId, user_id: id }).first('role')
      return found && { roles: [found.role] }
    },
  }
}
