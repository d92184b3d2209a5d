import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ThroughlineError } from '../errors.ts'
import type { JournalBatch } from '../storage/records.ts'
import type { SpillTarget } from './lane-writer.ts'

const SUFFIX = '.spill'
const READ_CHUNK = 1 << 20
/** Files that instances of this process are writing. */
const ownFiles = new Set<string>()

export interface SpillOptions {
  readonly directory: string
  readonly writer: string
  /** Bytes of this process's file at the most. */
  readonly maxBytes: number
  /** Also survives loss of power: every write is synced. */
  readonly sync: boolean
  append(batch: JournalBatch): Promise<void>
  /** Called once when the first batch is spilled, and once when all were replayed. */
  onChange(active: boolean): void
}

/**
 * A bounded local file for batches that could not be appended. It is replayed, in order and with the same writer and
 * sequence, as soon as appends succeed again, by this process or by the next one that starts: exactly once, because the
 * projector knows the sequence.
 */
export class SpillFile implements SpillTarget {
  readonly #options: SpillOptions
  readonly #path: string
  #handle: FileHandle | undefined
  #size = 0
  #replayed = 0
  #active = false
  /** One write or replay step at a time. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: SpillOptions) {
    this.#options = options
    this.#path = join(options.directory, `${process.pid}-${options.writer}${SUFFIX}`)
    ownFiles.add(this.#path)
  }

  get active(): boolean {
    return this.#active
  }

  /** Bytes not yet replayed. */
  get size(): number {
    return this.#size - this.#replayed
  }

  write(batch: JournalBatch): Promise<boolean> {
    const waits = this.#active
    this.#activate()
    return this.#alone(async () => {
      // The replay before it has emptied the file. Under steady traffic another batch always waits: it must not begin anew.
      if (waits && !this.#active) return false
      this.#activate()
      await this.#append(`${JSON.stringify(batch)}\n`)
      return true
    })
  }

  /** Replays what it can; true when the file is empty and appends may go to the journal again. */
  async replay(): Promise<boolean> {
    while (this.#active) {
      const more = await this.#alone(() => this.#replayStep())
      if (!more) break
    }
    return !this.#active
  }

  async close(): Promise<void> {
    await this.#alone(async () => {
      await this.#handle?.close()
      this.#handle = undefined
      ownFiles.delete(this.#path)
      if (!this.#active && this.#size === 0) await unlink(this.#path).catch(ignoreMissing)
    })
  }

  #activate(): void {
    if (this.#active) return
    this.#active = true
    this.#options.onChange(true)
  }

  #alone<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(step)
    this.#queue = result.catch(() => undefined)
    return result
  }

  async #append(line: string): Promise<void> {
    const bytes = Buffer.from(line)
    if (this.size + bytes.length > this.#options.maxBytes) throw new ThroughlineError('RECORDS_FULL')
    try {
      if (!this.#handle) {
        await mkdir(this.#options.directory, { recursive: true, mode: 0o700 })
        this.#handle = await open(this.#path, 'a+', 0o600)
      }
      await writeAll(this.#handle, bytes)
      if (this.#options.sync) await this.#handle.datasync()
      this.#size += bytes.length
    } catch (error) {
      // A torn line must not stand before the next one.
      await this.#handle?.truncate(this.#size).catch(() => undefined)
      throw new ThroughlineError('RECORDS_FULL', { cause: error })
    }
  }

  /** Replays one chunk of whole lines; false when it is done or the storage refuses. */
  async #replayStep(): Promise<boolean> {
    const handle = this.#handle
    if (!handle || this.#replayed === this.#size) return this.#emptied()
    const { text, bytes } = await readLines(handle, this.#replayed, this.#size)
    let done = 0
    for (const line of text.split('\n')) {
      if (line === '') continue
      try {
        await this.#options.append(JSON.parse(line))
      } catch {
        this.#replayed += done
        return false
      }
      done += Buffer.byteLength(line) + 1
    }
    this.#replayed += bytes
    return this.#replayed === this.#size ? this.#emptied() : true
  }

  async #emptied(): Promise<false> {
    await this.#handle?.truncate(0)
    this.#size = 0
    this.#replayed = 0
    this.#active = false
    this.#options.onChange(false)
    return false
  }
}

/**
 * Replays the files that ended processes left in the directory. A last line that was cut off had not been acknowledged
 * and is left out.
 *
 * @returns how many batches were replayed, and whether a file had to stay because an append failed
 */
export async function replayOrphans(
  directory: string,
  append: (batch: JournalBatch) => Promise<void>,
): Promise<{ batches: number; complete: boolean }> {
  let batches = 0
  let complete = true
  const names = await readdir(directory).catch(() => [] as string[])
  for (const name of names.sort()) {
    const path = join(directory, name)
    if (!name.endsWith(SUFFIX) || ownFiles.has(path) || isAlive(Number.parseInt(name, 10))) continue
    const handle = await open(path, 'r').catch(ignoreMissing)
    // Another process that started at the same time has replayed it.
    if (!handle) continue
    try {
      const { size } = await handle.stat()
      for (let position = 0; position < size; ) {
        const { text, bytes } = await readLines(handle, position, size)
        if (bytes === 0) break
        for (const line of text.split('\n')) {
          if (line === '') continue
          await append(JSON.parse(line))
          batches += 1
        }
        position += bytes
      }
      await unlink(path).catch(ignoreMissing)
    } catch {
      complete = false
    } finally {
      await handle.close()
    }
  }
  return { batches, complete }
}

/** Whole lines from `position`; a line longer than a chunk is read whole. */
async function readLines(handle: FileHandle, position: number, end: number): Promise<{ text: string; bytes: number }> {
  for (let length = Math.min(READ_CHUNK, end - position); ; length = Math.min(length * 2, end - position)) {
    const buffer = Buffer.alloc(length)
    const { bytesRead } = await handle.read(buffer, 0, length, position)
    const last = buffer.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (last >= 0) return { text: buffer.toString('utf8', 0, last), bytes: last + 1 }
    if (position + length >= end) return { text: '', bytes: 0 }
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten
  }
}

/** A file of this very process id that is none of its own was left by an ended process that had the same id. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
  return undefined
}
