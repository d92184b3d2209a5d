import type { Quota } from '../catalog/definitions.ts'

/** What one snapshot of one tenant knows of its quotas, by meter. */
export type QuotasView = ReadonlyMap<string, Quota>

/** One tenant's quotas: its plan's. */
export function quotasView(plan: Readonly<Record<string, Quota>> | undefined): QuotasView {
  return new Map(Object.entries(plan ?? {}))
}
