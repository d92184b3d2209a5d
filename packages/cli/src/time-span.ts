import { UsageError } from './failure.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/**
 * Reads a time span as `audit.list({ last })` does: `45s`, `15m`, `12h`, `30d`, `2w`; in ms.
 *
 * @throws UsageError for anything else
 */
export function readSpan(option: string, text: string): number {
  const [, amount, unit = ''] = /^(\d{1,5})([smhdw])$/.exec(text) ?? []
  const ms = UNITS[unit]
  if (amount !== undefined && ms !== undefined) return Number(amount) * ms
  throw new UsageError(`${option} is "${text}"; write a number and one of s, m, h, d, w, like 30d.`)
}

/** A span of time in its largest whole unit: `3 d`, `12 h`, `5 min`, `2 s`, `40 ms`. */
export function spanText(ms: number): string {
  for (const [name, unit] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= unit) return `${Math.floor(ms / unit)} ${name}`
  }
  return `${Math.max(0, Math.round(ms))} ms`
}
