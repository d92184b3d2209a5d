import type { LaneLease } from '@throughline/storage-knex'
import type { Command } from 'commander'
import { jsonLine, plainTable } from '../plain-table.ts'
import type { RecordsStatus } from '../records-admin.ts'
import type { PlaceOptions } from '../records-place.ts'
import { addPlaceOptions, withAdmin } from '../records-place.ts'
import type { ExitCode, Terminal } from '../terminal.ts'
import { spanText } from '../time-span.ts'

const EXAMPLES = `
Exits with 1 when a migration is missing. Reads only: safe while the app is running.

Examples:
  $ throughline status --file app.db.throughline.db
  $ throughline status --file app.db.throughline.db --json
  $ throughline status --url postgres://app@localhost/app`

/** `throughline status`: schema, journal, projector and size. */
export function addStatus(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  addPlaceOptions(program.command('status'))
    .description('say how the schema, the journal and the projector are doing')
    .option('--json', 'one line of JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: PlaceOptions & { readonly json?: true }) =>
      withAdmin(options, { readonly: true, terminal }, async (admin, name) => {
        const status = await admin.status()
        terminal.write(
          options.json ? jsonLine({ [kindOf(status)]: name, ...status }) : report(name, status, terminal.now()),
        )
        if (status.missing.length === 0) return
        done(1)
        if (!options.json) terminal.warn(`throughline: ${outdated(status)}\n`)
      }),
    )
}

/** A file has a log beside it, a database's schema has none of its own. */
function kindOf({ walBytes }: RecordsStatus): 'file' | 'schema' {
  return walBytes === undefined ? 'schema' : 'file'
}

function outdated({ missing }: RecordsStatus): string {
  return `The schema lacks ${missing.join(', ')}; run \`throughline migrate\`.`
}

function report(name: string, status: RecordsStatus, now: number): string {
  const { migrations, missing, backlog, leases, bytes, walBytes } = status
  const lines = [
    `${walBytes === undefined ? 'records' : 'file   '}   ${name}, ${sizeText(bytes)}${walBytes === undefined ? '' : ` and ${sizeText(walBytes)} of write-ahead log`}`,
    `schema    ${missing.length === 0 ? 'up to date' : `outdated, ${missing.length} missing`}`,
    `journal   ${backlog ? waiting(backlog.rows, backlog.ageMs) : 'no table yet'}`,
    ...(leases.length > 0
      ? leases.map((lease) => `lane ${lease.lane}    ${held(lease, now)}`)
      : ['lanes     never projected']),
  ]
  const rows = migrations.map(({ name, feature, appliedAt }) => [
    name,
    feature,
    appliedAt === undefined
      ? missing.includes(name)
        ? 'missing'
        : 'not used'
      : `applied ${new Date(appliedAt).toISOString()}`,
  ])
  return `${lines.join('\n')}\n${plainTable(['migration', 'for', 'state'], rows)}`
}

function waiting(rows: number, ageMs: number): string {
  if (rows === 0) return 'empty: everything is projected'
  return `${rows} ${rows === 1 ? 'row waits' : 'rows wait'} to be projected, the oldest for ${spanText(ageMs)}`
}

function held({ holder, token, expiresAt }: LaneLease, now: number): string {
  const left = expiresAt - now
  return left > 0 ? `projected by ${holder} (token ${token}), for ${spanText(left)} more` : 'free'
}

function sizeText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`
  return `${Math.round(bytes / 1e3)} kB`
}
