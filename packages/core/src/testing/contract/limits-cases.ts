import type { LimitsCases } from './limits-bench.ts'
import { limitsLeaseCases } from './limits-lease-cases.ts'
import { limitsRateCases } from './limits-rate-cases.ts'
import { limitsTogetherCases } from './limits-together-cases.ts'
import { limitsWindowCases } from './limits-window-cases.ts'

/** The limits port. */
export const limitsCases: LimitsCases = {
  ...limitsRateCases,
  ...limitsWindowCases,
  ...limitsLeaseCases,
  ...limitsTogetherCases,
}
