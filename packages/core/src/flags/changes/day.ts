export const DAY_MS = 86_400_000

/** The day of a time, ms, in UTC: `2026-11-24`. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}
