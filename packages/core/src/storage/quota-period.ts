export type PeriodUnit = 'day' | 'month'

const UNITS: readonly PeriodUnit[] = ['day', 'month']

/** The name of the calendar day or month (UTC) that a moment is in: `2026-11-01`, `2026-11`. */
export function periodKey(at: number, unit: PeriodUnit): string {
  return new Date(at).toISOString().slice(0, unit === 'day' ? 10 : 7)
}

/** The names of all periods that a moment is in. */
export function periodKeys(at: number): readonly string[] {
  return UNITS.map((unit) => periodKey(at, unit))
}
