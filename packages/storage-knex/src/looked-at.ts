import type { TimelineQuery } from '@throughline/core/storage'
import { actionMark, actorMark } from '@throughline/core/storage'

/**
 * Records that are looked at for one page of a trail, at the most: however long the trail and however rare what is asked
 * for, a page is answered in time.
 */
export const MOST_LOOKED_AT = 50_000

type Asked = Pick<TimelineQuery, 'actions' | 'actor'>

/** SQL for SQLite: a segment's `body` may hold what is asked for, and need be read. With the values that it takes. */
export function sqliteHolds({ actions, actor }: Asked): { readonly sql: string; readonly values: readonly string[] } {
  const holds = 'instr(body, ?) > 0'
  const conditions = [
    ...(actions ? [`(${['FALSE', ...actions.map(() => holds)].join(' OR ')})`] : []),
    ...(actor === undefined ? [] : [holds]),
  ]
  return {
    sql: ['TRUE', ...conditions].join(' AND '),
    values: [...(actions ?? []).map(actionMark), ...(actor === undefined ? [] : [actorMark(actor)])],
  }
}

/**
 * The same for Postgres.
 *
 * @param actions SQL of the first of {@link postgresHeld}
 * @param actor SQL of the second one
 */
export function postgresHolds(actions: string, actor: string): string {
  return `(${actions}::text IS NULL OR EXISTS (SELECT 1 FROM json_array_elements_text(${actions}::json) AS held WHERE position(held IN body) > 0))
  AND (${actor}::text IS NULL OR position(${actor}::text IN body) > 0)`
}

/** The two values that {@link postgresHolds} takes. */
export function postgresHeld({ actions, actor }: Asked): readonly [actions: string | null, actor: string | null] {
  return [actions ? JSON.stringify(actions.map(actionMark)) : null, actor === undefined ? null : actorMark(actor)]
}
