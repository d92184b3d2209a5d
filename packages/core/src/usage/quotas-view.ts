import type { Quota } from '../catalog/definitions.ts'
import { type Calendar, UTC_CALENDAR } from './calendar.ts'

/** What one snapshot of one tenant knows of its quotas. */
export interface QuotasView {
  /** By meter. */
  readonly quotas: ReadonlyMap<string, Quota>
  /** The tenant's days and months. */
  readonly calendar: Calendar
}

/** One tenant's quotas: its plan's, in its calendar. */
export function quotasView(
  plan: Readonly<Record<string, Quota>> | undefined,
  calendar: Calendar = UTC_CALENDAR,
): QuotasView {
  return { quotas: new Map(Object.entries(plan ?? {})), calendar }
}
