import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addExport } from './commands/export.ts'
import { addMigrate } from './commands/migrate.ts'
import { addStatus } from './commands/status.ts'
import { addTimeline } from './commands/timeline.ts'
import { addUninstall } from './commands/uninstall.ts'
import { addWorker } from './commands/worker.ts'
import { failureOf } from './failure.ts'
import type { ExitCode, Terminal } from './terminal.ts'

const EXAMPLES = `
Examples:
  $ throughline migrate --file app.db.throughline.db
  $ throughline status --file app.db.throughline.db
  $ throughline timeline --file app.db.throughline.db --tenant acme --last 30d
  $ throughline worker --file app.db.throughline.db
  $ throughline export --file app.db.throughline.db --all --output records.jsonl
  $ throughline uninstall --file app.db.throughline.db
  $ throughline timeline --url sqlite:app.db.throughline.db --tenant acme --action config.changed --json
  $ throughline migrate --url postgres://owner@localhost/app --grant app

Exit codes: 0 done, 1 the records are not as they should be, 2 the command can not be carried out as given.`

/**
 * Carries out one command line and answers its exit code; nothing is thrown.
 *
 * @param args without the names of the runtime and the script
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = 0
  const program = new Command('throughline')
    .description(
      'Brings the records of Throughline up to date, says how they are doing, prints what a tenant has done.',
    )
    .version(ownVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.write(text),
      // Said once, below, in the same form as every other failure.
      outputError: () => {},
    })
    .addHelpText('after', EXAMPLES)
  const done = (code: ExitCode): void => {
    exitCode = code
  }
  addMigrate(program, terminal)
  addStatus(program, terminal, done)
  addTimeline(program, terminal)
  addWorker(program, terminal, done)
  addExport(program, terminal)
  addUninstall(program, terminal)
  if (args.length === 0) {
    program.outputHelp()
    return 2
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    const { sentence, exitCode: code } = failureOf(error)
    terminal.warn(`throughline: ${sentence}\n`)
    return code
  }
}

function ownVersion(): string {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  )
  return manifest.version
}
