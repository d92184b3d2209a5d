import type { Catalog } from '../../catalog/definitions.ts'
import { describe } from '../../catalog/problems.ts'
import { ThroughlineError } from '../../errors.ts'
import type { PlatformPort } from '../../platform-port.ts'
import { unknownTenant } from '../../unknown-tenant.ts'
import type { FlagComparer } from '../changes/flag-comparer.ts'
import type { ComparedTenant } from '../changes/flag-disparities.ts'
import { flagDisparities } from '../changes/flag-disparities.ts'
import { flagInvalid, refuseOptions } from '../changes/flag-invalid.ts'
import { previewFlips } from '../changes/flag-preview.ts'
import { flagReport, readDays } from '../changes/flag-report.ts'
import type { KnownFlags } from '../changes/known-flags.ts'
import type { ServedVariant } from '../changes/seen-flags.ts'
import type { FlagsEngine } from '../flags.ts'
import type { PlatformFlags } from './platform-flags.ts'

/** What is asked of tenants, and of all processes. */
export interface SurveySources {
  readonly port: PlatformPort
  readonly engine: Pick<FlagsEngine, 'evaluateIn'>
  /** A tenant and what its contexts know of flags; `undefined` if there is none. */
  compared(tenantId: string): Promise<ComparedTenant | undefined>
  /** What was served by all processes, this one's newest included. */
  served(): Promise<readonly ServedVariant[]>
}

const MOST_FLIPS = 100_000

/** How the operator looks at what flags are for tenants, and what they would be. */
export function surveyFace<C extends Catalog>(
  flags: KnownFlags,
  comparer: FlagComparer,
  sources: SurveySources,
): Pick<PlatformFlags<C>, 'preview' | 'compare' | 'report'> {
  const { port, engine } = sources
  return {
    async preview(key, change, options = {}) {
      flags.declared(key)
      const limit = readLimit(options)
      const comparison = await comparer.compare(key, change)
      const tenants = port.tenants()
      if (!tenants) throw new ThroughlineError('TENANTS_UNLISTED')
      const preview = await previewFlips(comparison, tenants, limit)
      port.note({ action: 'flag.previewed', targets: [{ type: 'flag', id: key }] })
      return preview
    },
    async compare(tenantA, tenantB) {
      port.acting()
      const [a, b] = await Promise.all([sources.compared(tenantA), sources.compared(tenantB)])
      if (!a) throw unknownTenant(tenantA)
      if (!b) throw unknownTenant(tenantB)
      port.note({ action: 'flag.compared', targets: [tenantA, tenantB].map((id) => ({ type: 'tenant', id })) })
      return flagDisparities(engine, a, b, flags.keys)
    },
    async report(options = {}) {
      port.acting()
      refuseOptions(options, ['days'])
      const { days = 30 } = options
      const lately = readDays(days)
      const known = await flags.states()
      const served = await sources.served()
      port.note({ action: 'flag.reported', targets: [] })
      return flagReport(known, served, lately, port.now())
    },
  }
}

/** How many flips a preview names. */
function readLimit(options: { readonly limit?: number }): number {
  refuseOptions(options, ['limit'])
  const { limit = 1_000 } = options
  if (typeof limit !== 'number' || !(limit >= 0))
    throw flagInvalid(`"limit" is ${describe(limit)}; it must be a number from 0.`)
  return Math.min(Math.trunc(limit), MOST_FLIPS)
}
