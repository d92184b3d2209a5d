import { ThroughlineError } from '@throughline/core/storage'
import { CommanderError } from 'commander'
import type { ExitCode } from './terminal.ts'

/** The command can not be carried out as it was given. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const SQLITE_SENTENCES: Readonly<Record<string, string>> = {
  SQLITE_NOTADB: 'The file is not an SQLite database; name the one that holds the records of Throughline.',
  SQLITE_CANTOPEN: 'The file can not be opened; check that its folder exists and that you may read and write there.',
  SQLITE_READONLY: 'The file may not be written to; run the command as the user who owns it.',
  SQLITE_BUSY: 'The file is locked by another process; try again, or stop what holds it.',
  SQLITE_FULL: 'The disk is full; free some space and try again.',
  SQLITE_CORRUPT: 'The file is damaged; restore it from a backup.',
}

const SYSTEM_SENTENCES: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full; free some space and try again.',
  EDQUOT: 'The disk quota is used up; free some space and try again.',
}

/** By SQLSTATE, or the system's code. */
const POSTGRES_SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'No server answers at the host and port of the URL; check them, and that Postgres runs there.',
  ENOTFOUND: 'The host of the URL is not known; check its name.',
  EAI_AGAIN: 'The host of the URL can not be looked up; check its name, and the network.',
  '28P01': 'The server does not take the password of this role; check the user and the password of the URL.',
  '28000': 'The server does not let this role in; check the user of the URL.',
  '3D000': 'The server has no database of this name; check the URL, or create the database.',
  '2BP01': 'Something of yours depends on the tables of Throughline, a view or a foreign key; drop that first.',
  '55P03': 'Somebody holds the tables, by a long query or a transaction; end it and try again.',
  '42501': 'This role may not do that; run the command as the role that owns the schema.',
}

/** What was given may have a password in it, and errors say what was given. */
function masked(text: string): string {
  return text.replace(/:\/\/\S*@/g, '://…@').replace(/(password=)[^&\s'"]+/gi, '$1…')
}

/** An error as one sentence or two, what happened and what to do, and the exit code that goes with it. */
export function failureOf(error: unknown): { readonly sentence: string; readonly exitCode: ExitCode } {
  const { sentence, exitCode } = failureAsIs(error)
  return { sentence: masked(sentence), exitCode }
}

function failureAsIs(error: unknown): { readonly sentence: string; readonly exitCode: ExitCode } {
  if (error instanceof CommanderError) {
    const said = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
    return { sentence: `${said}${/[.)]$/.test(said) ? '' : '.'} See \`throughline --help\`.`, exitCode: 2 }
  }
  if (error instanceof UsageError) return { sentence: error.message, exitCode: 2 }
  if (error instanceof ThroughlineError) {
    const said = error.code === 'RECORDS_UNAVAILABLE' ? postgresSentence(error) : undefined
    if (said !== undefined) return { sentence: said, exitCode: 1 }
    const isGiven = error.code === 'OPTIONS_INVALID'
    return { sentence: isGiven ? error.sentence : `${error.sentence} ${error.remedy}`, exitCode: isGiven ? 2 : 1 }
  }
  const code = codeOf(error)
  const sentence = SYSTEM_SENTENCES[code] ?? SQLITE_SENTENCES[/^SQLITE_[A-Z]+/.exec(code)?.[0] ?? '']
  if (sentence !== undefined) return { sentence, exitCode: 1 }
  const message = error instanceof Error ? error.message : String(error)
  return { sentence: `${message} This was not expected; please report it.`, exitCode: 1 }
}

/** A server that answers is reached: what it says helps, where there is no sentence of ours. */
function postgresSentence({ details, cause }: ThroughlineError): string | undefined {
  const code = String(details.postgres)
  const isSqlState = /^(?=.*\d)[0-9A-Z]{5}$/.test(code)
  const answer = isSqlState && cause instanceof Error ? `The server refuses it: ${cause.message} (${code}).` : undefined
  return POSTGRES_SENTENCES[code] ?? answer
}

/** The system's code, or SQLite's: its primary one, `SQLITE_BUSY`, stands before the rest of `SQLITE_BUSY_SNAPSHOT`. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
