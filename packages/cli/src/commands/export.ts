import { randomBytes } from 'node:crypto'
import { link, lstat, open, rename, rm } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { ExportedRow } from '@throughline/storage-knex'
import type { Command } from 'commander'
import { UsageError } from '../failure.ts'
import { jsonLine } from '../plain-table.ts'
import { withProgress } from '../progress.ts'
import type { PlaceOptions } from '../records-place.ts'
import { addPlaceOptions, withAdmin } from '../records-place.ts'
import type { Terminal } from '../terminal.ts'

const CHUNK = 64 * 1_024

const EXAMPLES = `
One JSON object a line: {"kind":"event"|"usage"|"tenants"|"members"|"config"|"limit_overrides"|…, "tenant", …}. Trails come
first, in their order, of the moment it began. Reads only: safe while the app is running. Usage that waits to be projected is not in it: run
\`throughline worker --once\` before. A file that is there already is not written over; until it is whole its name ends in .partial.

Examples:
  $ throughline export --file app.db.throughline.db --all --output records.jsonl
  $ throughline export --file app.db.throughline.db --tenant acme | gzip > acme.jsonl.gz
  $ throughline export --url postgres://owner@localhost/app --all --output records.jsonl`

interface ExportOptions extends PlaceOptions {
  readonly all?: true
  readonly tenant?: string
  readonly output?: string
}

/** `throughline export`: everything that is on record, as JSON lines. */
export function addExport(program: Command, terminal: Terminal): void {
  addPlaceOptions(program.command('export'))
    .description('write everything that is on record as JSON lines')
    .option('--all', 'of all tenants, and of the platform')
    .option('--tenant <id>', 'of this one')
    .option('--output <path>', 'a new file, that only its owner may read, in place of standard output')
    .addHelpText('after', EXAMPLES)
    .action((options: ExportOptions) => {
      const { all, tenant, output } = options
      // Empty is what a shell makes of a variable that is not set: nothing would be written, as if nothing were there.
      if (tenant === '' || (all === undefined) === (tenant === undefined)) {
        throw new UsageError('Say whose records: --all, or --tenant <id>.')
      }
      return withAdmin(options, { readonly: true, terminal }, async (admin) => {
        const waiting = (await admin.status()).backlog?.rows ?? 0
        const rows = admin.export(tenant)
        const written = output === undefined ? await writeOut(rows, terminal) : await writeFile(rows, output, terminal)
        terminal.warn(`${sentence(written)}.\n`)
        if (waiting > 0)
          terminal.warn(`Usage in ${waiting} rows of the journal that wait to be projected is missing.\n`)
      })
    })
}

type Counts = ReadonlyMap<string, number>
type Rows = Iterable<ExportedRow> | AsyncIterable<ExportedRow>

async function writeOut(rows: Rows, terminal: Terminal): Promise<Counts> {
  return writeChunks(rows, terminal, (chunk) => {
    terminal.write(chunk)
    return terminal.drained()
  })
}

/** Half of it must not be taken for all of it, whatever ends this process: it has its name when it is whole. */
async function writeFile(rows: Rows, path: string, terminal: Terminal): Promise<Counts> {
  if (path === '') throw new UsageError('Name the file: --output <path>.')
  await refuseTaken(path)
  // Not by the number of this process: in a container the next one has the same, and this may end half-way.
  const draft = `${path}.${randomBytes(4).toString('hex')}.partial`
  const file = await open(draft, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`"${path}" can not be made (${error.code}); check its folder.`)
  })
  try {
    const counts = await writeChunks(rows, terminal, async (chunk) => {
      await file.writeFile(chunk)
      return true
    })
    await file.sync()
    await giveName(draft, path)
    return counts
  } finally {
    await file.close()
    await rm(draft, { force: true })
  }
}

/** A link is refused where another export was faster; a file system that has none is looked at before. */
async function giveName(draft: string, path: string): Promise<void> {
  await link(draft, path).catch(async () => {
    await refuseTaken(path)
    await rename(draft, path)
  })
}

async function refuseTaken(path: string): Promise<void> {
  const isTaken = await lstat(path).then(
    () => true,
    () => false,
  )
  if (isTaken) throw new UsageError(`"${path}" is there already; name a new file.`)
}

/**
 * Writes lines in chunks, each when the one before is gone: memory stays flat however much there is.
 *
 * @param write answers whether more is wanted
 */
async function writeChunks(
  rows: Rows,
  terminal: Terminal,
  write: (chunk: string) => Promise<boolean>,
): Promise<Counts> {
  const counts = new Map<string, number>()
  return withProgress(
    terminal,
    () => `${sentence(counts)} so far`,
    async () => {
      let chunk = ''
      for await (const row of rows) {
        counts.set(row.kind, (counts.get(row.kind) ?? 0) + 1)
        chunk += jsonLine(row)
        if (chunk.length < CHUNK) continue
        if (!(await write(chunk))) return counts
        chunk = ''
        // Or no timer would run beside rows that are all there.
        await setImmediate()
      }
      if (chunk !== '') await write(chunk)
      return counts
    },
  )
}

function sentence(counts: Counts): string {
  const parts = Array.from(counts, ([kind, count]) => `${count} ${kind}`)
  return `exported: ${parts.length > 0 ? parts.join(', ') : 'nothing'}`
}
