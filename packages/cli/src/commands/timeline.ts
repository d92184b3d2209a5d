import type { ViewedEvent } from '@throughline/storage-knex'
import type { Command } from 'commander'
import { UsageError } from '../failure.ts'
import { jsonLine, plainTable, printable } from '../plain-table.ts'
import type { PlaceOptions } from '../records-place.ts'
import { addPlaceOptions, withAdmin } from '../records-place.ts'
import type { Terminal } from '../terminal.ts'
import { readSpan } from '../time-span.ts'

const MAX_LIMIT = 100_000
/** A table is laid out as a whole, which takes a second for these. */
const MAX_TABLE = 1_000
const MAX_ACTIONS = 50

const EXAMPLES = `
Newest first. Records that are not yet projected are shown too, without a sequence number. Reads only: safe while the
app is running. The operator's own trail is --tenant '$platform'.

Examples:
  $ throughline timeline --file app.db.throughline.db --tenant acme --last 30d
  $ throughline timeline --file app.db.throughline.db --tenant acme --actor ada --action limit.refused auth.refused
  $ throughline timeline --file app.db.throughline.db --tenant acme --last 24h --limit 5000 --json | jq .action`

interface TimelineOptions extends PlaceOptions {
  readonly tenant?: string
  readonly last: string
  readonly action?: readonly string[]
  readonly actor?: string
  readonly limit: string
  readonly json?: true
}

/** `throughline timeline`: everything that one tenant has done, from the view `throughline_timeline`. */
export function addTimeline(program: Command, terminal: Terminal): void {
  addPlaceOptions(program.command('timeline'))
    .description('print everything that one tenant has done')
    .option('--tenant <id>', "the tenant's id; required")
    .option('--last <span>', 'how far back from now: 45s, 15m, 12h, 30d, 2w', '30d')
    .option('--action <names...>', 'only these actions')
    .option('--actor <id>', 'only this actor')
    .option('--limit <count>', `events at the most, up to ${MAX_TABLE}, or ${MAX_LIMIT} with --json`, '100')
    .option('--json', 'one event a line, as audit.list gives them, in place of a table')
    .addHelpText('after', EXAMPLES)
    .action((options: TimelineOptions) => {
      const { tenant, last, action, actor } = options
      // Not by commander, which would say so before it says that the option's name has a typo.
      if (!tenant) throw new UsageError('Name the tenant: --tenant <id>.')
      const from = terminal.now() - readSpan('--last', last)
      const limit = readLimit(options.limit, options.json ? MAX_LIMIT : MAX_TABLE)
      if (action && action.length > MAX_ACTIONS) throw new UsageError(`Give at most ${MAX_ACTIONS} actions.`)
      return withAdmin(options, { readonly: true, terminal }, async (admin) => {
        const query = { tenant, from, ...(action && { actions: action }), ...(actor !== undefined && { actor }) }
        // One more than shown, to be able to say that there are more.
        const found = await admin.timeline({ ...query, limit: limit + 1 })
        const events = found.slice(0, limit)
        if (options.json) for (const event of events) terminal.write(jsonLine(event))
        else
          terminal.write(
            events.length > 0 ? table(events) : `No such events of ${printable(tenant)} in the last ${last}.\n`,
          )
        if (found.length > limit) terminal.warn(`Older events are not shown; ask for more with --limit.\n`)
      })
    })
}

function readLimit(text: string, max: number): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= max) return limit
  const more = max < MAX_LIMIT ? `; --json prints up to ${MAX_LIMIT}` : ''
  throw new UsageError(`--limit is "${text}"; write a whole number from 1 to ${max}${more}.`)
}

function table(events: readonly ViewedEvent[]): string {
  const rows = events.map((event) => [
    event.occurredAt.replace('T', ' ').replace('Z', ''),
    event.action,
    event.outcome,
    event.actor.id,
    subjectOf(event),
    requestOf(event),
    String(event.count),
  ])
  return plainTable(['time (UTC)', 'action', 'outcome', 'actor', 'what', 'request', 'count'], rows)
}

function subjectOf({ targets, metadata }: ViewedEvent): string {
  const names = targets.map(({ type, id }) => `${type} ${id}`)
  const why = [metadata.code, metadata.reason].filter((each) => typeof each === 'string')
  return [...names, ...why].join(', ')
}

function requestOf({ context: { request } }: ViewedEvent): string {
  return request === undefined
    ? ''
    : [request.method, request.path, request.status].filter((it) => it !== undefined).join(' ')
}
