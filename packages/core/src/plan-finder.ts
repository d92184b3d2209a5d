import type { Catalog, PlanDefinition } from './catalog/index.ts'
import { describe } from './catalog/problems.ts'
import { didYouMean } from './did-you-mean.ts'
import type { Tenant } from './vocabulary.ts'

/** Plans that are told of: beyond them the column holds something else, and the log would hold nothing else. */
const MAX_TOLD = 100

/**
 * Finds tenants' plans. One that is misspelt, or that a deploy took away, limits nothing, which nobody would notice.
 *
 * @param warn told once of each plan that is not in the catalog
 */
export function planFinder(
  { plans }: Catalog,
  warn: (message: string) => void,
): (tenant: Pick<Tenant, 'id' | 'plan'>) => PlanDefinition | undefined {
  const told = new Set<string>()
  return ({ id, plan }) => {
    if (plan === undefined || !plans) return undefined
    if (Object.hasOwn(plans, plan)) return plans[plan]
    if (!told.has(plan) && told.size < MAX_TOLD) {
      told.add(plan)
      const guess = didYouMean(plan.slice(0, 100), Object.keys(plans))
      warn(
        `Tenant "${id}": the catalog has no plan ${describe(plan)}.${guess} No feature, limit or quota of a plan counts for it.`,
      )
    }
    return undefined
  }
}
