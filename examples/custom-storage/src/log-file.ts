import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { ThroughlineError } from '@throughline/core/storage'

/** An append-only file of lines, of one process at a time. */
export interface LogFile {
  /** Adds one line, in the operating system's hands when it returns; on the disk, with `sync`. All of it or nothing. */
  append(line: string): void
  close(): void
}

/**
 * Opens or creates the file and replays what it holds. A last line without its line feed was never acknowledged: it is
 * cut off.
 *
 * @throws ThroughlineError `RECORDS_UNAVAILABLE` while another process has it open
 */
export function openLog(path: string, options: { readonly sync: boolean; replay(line: string): void }): LogFile {
  lock(path)
  const file = openSync(path, 'a+', 0o600)
  const text = readFileSync(path, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  let size = Buffer.byteLength(whole)
  ftruncateSync(file, size)
  const close = (): void => {
    closeSync(file)
    rmSync(`${path}.lock`, { force: true })
  }
  try {
    for (const line of whole.split('\n')) if (line !== '') options.replay(line)
  } catch (error) {
    close()
    throw error
  }
  const append = (line: string): void => {
    const bytes = Buffer.from(`${line}\n`)
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
      if (options.sync) fsyncSync(file)
      size += bytes.length
    } catch (cause) {
      ftruncateSync(file, size)
      throw new ThroughlineError('RECORDS_UNAVAILABLE', { cause })
    }
  }
  return { append, close }
}

/** The journal's key beside the log, made once; only its owner may read it. */
export function keyBeside(path: string): string {
  try {
    writeFileSync(`${path}.key`, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  }
  return readFileSync(`${path}.key`, 'utf8')
}

function lock(path: string): void {
  try {
    const holder = Number(readFileSync(`${path}.lock`, 'utf8'))
    // Signal 0 only asks whether there is such a process; it throws where there is none.
    if (holder > 0 && holder !== process.pid && process.kill(holder, 0)) {
      throw new ThroughlineError('RECORDS_UNAVAILABLE', { message: `Process ${holder} has "${path}" open.` })
    }
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'ESRCH')) throw error
    rmSync(`${path}.lock`, { force: true })
  }
  writeFileSync(`${path}.lock`, String(process.pid), { flag: 'wx' })
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
