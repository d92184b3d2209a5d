import { queryInvalid } from '../../query-invalid.ts'
import { DAY_MS, dayOf } from './day.ts'
import type { FlagState } from './flag-state.ts'
import type { ServedVariant } from './seen-flags.ts'

/** How a flag was used, to the day (UTC). */
export interface FlagUse {
  readonly key: string
  /**
   * `never_evaluated`; `not_evaluated`: not in these days; `one_variant`: these days and longer it has been evaluated,
   * and has served everybody the same; `in_use`: anything else, a flag that is younger too.
   */
  readonly state: 'never_evaluated' | 'not_evaluated' | 'one_variant' | 'in_use'
  readonly archived: boolean
  /** `2026-11-24`; absent: never, as long as this is noted. */
  readonly firstEvaluatedOn?: string
  readonly lastEvaluatedOn?: string
  /** Served in these days, by name; `on` and `off` of a boolean flag. */
  readonly variants: readonly string[]
  /** Flags that have it for a prerequisite, archived ones aside: they ask it without its being served. Absent: none. */
  readonly neededBy?: readonly string[]
}

const MAX_DAYS = 3_650

/** @throws ThroughlineError `QUERY_INVALID` */
export function readDays(days: unknown): number {
  if (Number.isSafeInteger(days) && (days as number) >= 1 && (days as number) <= MAX_DAYS) return days as number
  throw queryInvalid(`"days" is ${String(days)}; it must be a whole number from 1 to ${MAX_DAYS}.`)
}

/** Every flag, by what was noted of it. */
export function flagReport(
  states: readonly Pick<FlagState, 'key' | 'archived' | 'definition'>[],
  served: readonly ServedVariant[],
  days: number,
  now: number,
): readonly FlagUse[] {
  const since = dayOf(now - days * DAY_MS)
  const needed = neededFlags(states)
  return states.map(({ key, archived }) => {
    const neededBy = needed.get(key)
    const all = served.filter(({ flag }) => flag === key)
    const first = all.map((each) => each.first).sort()[0]
    const last = all
      .map((each) => each.last)
      .sort()
      .at(-1)
    const variants = all.filter((each) => each.last > since).map(({ variant }) => variant)
    return {
      key,
      state: stateOf(first, variants, since),
      archived,
      ...(first !== undefined && { firstEvaluatedOn: first }),
      ...(last !== undefined && { lastEvaluatedOn: last }),
      variants: variants.sort(),
      ...(neededBy && { neededBy }),
    }
  })
}

/** Which flags ask for which one. */
function neededFlags(
  states: readonly Pick<FlagState, 'key' | 'archived' | 'definition'>[],
): ReadonlyMap<string, readonly string[]> {
  const needed = new Map<string, string[]>()
  for (const { key, archived, definition } of states) {
    for (const flag of new Set(archived ? [] : definition.prerequisites?.map((prerequisite) => prerequisite.flag))) {
      needed.set(flag, [...(needed.get(flag) ?? []), key])
    }
  }
  return needed
}

function stateOf(first: string | undefined, variants: readonly string[], since: string): FlagUse['state'] {
  if (first === undefined) return 'never_evaluated'
  if (variants.length === 0) return 'not_evaluated'
  return variants.length === 1 && first <= since ? 'one_variant' : 'in_use'
}
