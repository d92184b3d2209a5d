/** A time, as options take it: ms since the epoch, or ISO 8601, a date (UTC's) or a time with its zone. */
export type Moment = Date | number | string

/** What to give, as the end of a sentence. */
export const MOMENT_HINT = "give a Date, milliseconds, or ISO 8601 with its zone, as in '2026-01-01T00:00:00Z'."

/** Without a zone it would be another time in every process. */
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/
/** What `Date` can say, ms. */
const LATEST = 8.64e15

/** ms since the epoch; `undefined` for what is no time. */
export function momentOf(value: unknown): number | undefined {
  if (typeof value === 'string') return isIsoMoment(value) ? Date.parse(value) : undefined
  const time = value instanceof Date ? value.getTime() : value
  return typeof time === 'number' && Math.abs(time) <= LATEST ? time : undefined
}

/** Whether a text is a time as ISO 8601 writes it. */
export function isIsoMoment(text: string): boolean {
  return ISO.test(text) && isDay(text) && !Number.isNaN(Date.parse(text))
}

/** Whether a text that begins with `YYYY-MM-DD` names a day that there is: `Date` takes 30 February for 2 March. */
export function isDay(text: string): boolean {
  const day = text.slice(0, 10)
  const time = Date.parse(day)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}
