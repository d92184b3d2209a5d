import { startWorker } from '@throughline/core'
import type { Backlog, Storage } from '@throughline/core/storage'
import { knexStorage } from '@throughline/storage-knex'
import type { Command } from 'commander'
import knex from 'knex'
import { existingFile } from '../records-file.ts'
import type { PlaceOptions } from '../records-place.ts'
import { addPlaceOptions, postgresPlace, withAdmin } from '../records-place.ts'
import type { ExitCode, Terminal } from '../terminal.ts'
import { spanText } from '../time-span.ts'

const REPORT_MS = 10_000
const DRAIN_MS = 24 * 3_600_000

const EXAMPLES = `
For apps with \`journal: { project: false }\`: what they record is moved into what can be asked. Any number of workers may
run; each part of the journal is one worker's at a time, and another takes over within a second or two when it ends.
An app that names a \`journal.secret\` needs it here too, in THROUGHLINE_JOURNAL_SECRET.

Examples:
  $ throughline worker --file app.db.throughline.db
  $ throughline worker --file app.db.throughline.db --once
  $ throughline worker --url postgres://worker@localhost/app`

/** `throughline worker`: projects the journal until it is stopped. */
export function addWorker(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  addPlaceOptions(program.command('worker'))
    .description('project the journal of apps that leave that to a worker')
    .option('--once', 'end when all that waits is projected')
    .addHelpText('after', EXAMPLES)
    .action(async (options: PlaceOptions & { readonly once?: true }) => {
      const { storage, name } = await storageOf(options, terminal)
      const secret = process.env['THROUGHLINE_JOURNAL_SECRET']
      const worker = await startWorker({
        storage,
        clock: terminal,
        onFailure: (error) => terminal.warn(`throughline: ${error instanceof Error ? error.message : String(error)}\n`),
        ...(secret !== undefined && { secret }),
      })
      terminal.write(`projecting ${name}${options.once ? '' : '; Ctrl-C ends it'}\n`)
      let reported = 0
      const report = async (backlog: () => Promise<Backlog>): Promise<void> => {
        if (worker.projected === reported) return
        const { rows, ageMs } = await backlog()
        const waits = rows === 0 ? 'nothing waits' : `${rows} waiting, the oldest for ${spanText(ageMs)}`
        terminal.write(`${worker.projected - reported} records projected, ${waits}\n`)
        reported = worker.projected
      }
      const reporting = setInterval(() => void report(() => worker.backlog()).catch(() => {}), REPORT_MS)
      try {
        const ended = await Promise.race([
          terminal.stopped().then(() => ({ behind: false })),
          ...(options.once ? [worker.drain(DRAIN_MS)] : []),
        ])
        if (ended.behind) done(1)
        const backlog = worker.backlog()
        backlog.catch(() => {})
        // The slice that it is at counts too, once it is done.
        await worker.close()
        await report(() => backlog)
      } finally {
        clearInterval(reporting)
        await worker.close()
      }
    })
}

async function storageOf(options: PlaceOptions, terminal: Terminal): Promise<{ storage: Storage; name: string }> {
  const place = postgresPlace(options)
  if (place === undefined) {
    const filename = existingFile(options)
    return { storage: knexStorage({ filename }), name: filename }
  }
  // Looked at first: what is wrong with the URL, the role or the schema is said in words, and once.
  await withAdmin(options, { readonly: true, terminal }, () => undefined)
  const { url, schema, name } = place
  // It only says where the database is: no connection is made by it.
  return { storage: knexStorage({ app: knex({ client: 'pg', connection: url }), schema }), name }
}
