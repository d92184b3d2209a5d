import Table, { type TableConstructorOptions } from 'cli-table3'
import type { AnswerRow } from './answer.ts'

/** No colours, and no line between rows. */
const PLAIN: TableConstructorOptions = { style: { head: [], border: [], compact: true } }

/** The newest events as a table that is read from top to bottom. */
export function timelineTable(rows: readonly AnswerRow[]): string {
  const table = new Table({
    head: ['time (UTC)', 'action', 'outcome', 'actor', 'what', 'request', 'count'],
    colWidths: [14, 18, 9, 11, 36, 30, 7],
    colAligns: ['left', 'left', 'left', 'left', 'left', 'left', 'right'],
    ...PLAIN,
  })
  for (const row of rows) {
    const { occurred_at, action, outcome, actor_id, count } = row
    table.push([occurred_at.slice(11, 23), action, outcome, actor_id, subjectOf(row), requestOf(row), String(count)])
  }
  return table.toString()
}

/** How often each action happened, the most frequent first. */
export function countsTable(rows: readonly AnswerRow[]): string {
  const counts = new Map<string, { action: string; outcome: string; rows: number; events: number }>()
  for (const { action, outcome, count } of rows) {
    const key = `${action} ${outcome}`
    const known = counts.get(key) ?? { action, outcome, rows: 0, events: 0 }
    known.rows += 1
    known.events += count
    counts.set(key, known)
  }
  const table = new Table({
    head: ['action', 'outcome', 'rows', 'events'],
    colAligns: ['left', 'left', 'right', 'right'],
    ...PLAIN,
  })
  for (const { action, outcome, rows: n, events } of [...counts.values()].sort((a, b) => b.events - a.events)) {
    table.push([action, outcome, String(n), String(events)])
  }
  return table.toString()
}

function subjectOf({ targets, metadata }: AnswerRow): string {
  const names = (JSON.parse(targets) as { type: string; id: string }[]).map(({ type, id }) => `${type} ${id}`)
  const { code, reason, name, rule } = JSON.parse(metadata) as Record<string, unknown>
  const why = [code, reason, name, rule].filter((each) => typeof each === 'string')
  return [...names, ...why].join(', ')
}

function requestOf({ method, path, status }: AnswerRow): string {
  return method === null ? '' : `${method} ${path}${status === null ? '' : ` ${status}`}`
}
