import { describe } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import type { Moment } from '../moment.ts'
import { MOMENT_HINT, momentOf } from '../moment.ts'
import { queryInvalid } from '../query-invalid.ts'
import type { TimelineQuery } from '../storage/records.ts'

/** What a trail is asked. */
export interface AuditQuery {
  /** Back from now: `30d`, `12h`, `15m`, `45s`, `2w`. */
  readonly last?: string | undefined
  /** Inclusive. */
  readonly from?: Moment | undefined
  /** Exclusive. */
  readonly to?: Moment | undefined
  readonly action?: string | readonly string[] | undefined
  /** The actor's id. */
  readonly actor?: string | undefined
  /** Events a page, 100 unless said, 1,000 at the most. */
  readonly limit?: number | undefined
  /** `next` of the page before. */
  readonly cursor?: string | undefined
  /**
   * `acknowledged` (default) shows everything acknowledged before the call and waits for it; `projected` shows what is
   * there.
   */
  readonly consistency?: 'acknowledged' | 'projected' | undefined
}

const KNOWN = ['last', 'from', 'to', 'action', 'actor', 'limit', 'cursor', 'consistency']
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const MAX_LIMIT = 1_000

/**
 * Reads a query as an app gives it.
 *
 * @throws ThroughlineError `QUERY_INVALID`, naming everything that is wrong
 */
export function readQuery(tenant: string, query: AuditQuery, now: number): TimelineQuery {
  const problems: string[] = []
  if (typeof query !== 'object' || query === null) throw queryInvalid(`A query is an object, not ${describe(query)}.`)
  for (const key of Object.keys(query)) {
    if (!KNOWN.includes(key)) problems.push(`"${key}" is not known.${didYouMean(key, KNOWN)}`)
  }
  const from = query.last === undefined ? readTime('from', query.from, problems) : readLast(query.last, now, problems)
  if (query.last !== undefined && query.from !== undefined) problems.push('"last" and "from" exclude each other.')
  const to = readTime('to', query.to, problems)
  // It would look as if nothing had happened.
  if (from !== undefined && to !== undefined && from > to) problems.push('"to" must not be before "from".')
  const limit = query.limit ?? 100
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    problems.push(`"limit" is ${describe(limit)}; it must be a whole number from 1 to ${MAX_LIMIT}.`)
  }
  const actions = readActions(query.action, problems)
  const before = query.cursor === undefined ? undefined : readCursor(query.cursor, problems)
  if (query.actor !== undefined && typeof query.actor !== 'string') problems.push('"actor" must be an id.')
  if (query.consistency !== undefined && !['acknowledged', 'projected'].includes(query.consistency)) {
    problems.push('"consistency" must be "acknowledged" or "projected".')
  }
  if (problems.length > 0) throw queryInvalid(...problems)
  return {
    tenant,
    limit,
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(actions && { actions }),
    ...(query.actor !== undefined && { actor: query.actor }),
    ...(before && { before }),
  }
}

/** A position as the next page's cursor: opaque to the app. */
export function writeCursor(position: { readonly seq: number; readonly index: number }): string {
  return Buffer.from(`${position.seq}.${position.index}`).toString('base64url')
}

function readCursor(cursor: string, problems: string[]): { seq: number; index: number } | undefined {
  const match = /^(\d{1,15})\.(\d{1,6})$/.exec(Buffer.from(String(cursor), 'base64url').toString())
  if (match) return { seq: Number(match[1]), index: Number(match[2]) }
  problems.push('"cursor" is not one that a page gave.')
  return undefined
}

function readLast(last: string, now: number, problems: string[]): number | undefined {
  const match = /^(\d{1,5})([smhdw])$/.exec(String(last))
  if (match) return now - Number(match[1]) * (UNITS[match[2] as string] as number)
  problems.push(`"last" is "${String(last).slice(0, 20)}"; it must be a number and one of s, m, h, d, w, like "30d".`)
  return undefined
}

function readTime(name: string, value: Moment | undefined, problems: string[]): number | undefined {
  if (value === undefined) return undefined
  const time = momentOf(value)
  // Times of events are whole ms, and databases keep them as such.
  if (time !== undefined) return Math.ceil(time)
  problems.push(`"${name}" is not a time: ${MOMENT_HINT}`)
  return undefined
}

function readActions(action: AuditQuery['action'], problems: string[]): readonly string[] | undefined {
  if (action === undefined) return undefined
  const actions = typeof action === 'string' ? [action] : action
  if (Array.isArray(actions) && actions.length <= 50 && actions.every((each) => typeof each === 'string')) {
    return actions
  }
  problems.push('"action" must be an action or a list of at most 50.')
  return undefined
}
