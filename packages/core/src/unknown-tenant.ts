import { describe } from './catalog/problems.ts'
import { ThroughlineError } from './errors.ts'

/** What an operator is told, who may know which tenants there are; anybody else is told no more than `Not found.` */
export function unknownTenant(id: string): ThroughlineError {
  return new ThroughlineError('TENANT_NOT_FOUND', {
    message: `No tenant has the id ${describe(id)}.`,
    remedy: 'Take the id of one that there is.',
  })
}
