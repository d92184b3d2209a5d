import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { unavailable } from './failure.ts'
import { sharedClock } from './protocol.ts'

const LOOK_AGAIN_MS = 1_000

/**
 * The very file that was opened under a name. SQLite goes on with one that was deleted or replaced meanwhile, and what it
 * writes there is gone with the process.
 */
export class OpenedFile {
  readonly #path: string
  readonly #device: bigint
  readonly #inode: bigint
  #lookedAt = sharedClock()
  #gone = false

  private constructor(path: string, { dev, ino }: { readonly dev: bigint; readonly ino: bigint }) {
    this.#path = path
    this.#device = dev
    this.#inode = ino
  }

  /** `undefined` where there is none: a database in memory. */
  static of(filename: string): OpenedFile | undefined {
    const path = resolve(filename)
    const found = filename === ':memory:' ? undefined : statSync(path, { bigint: true, throwIfNoEntry: false })
    return found && new OpenedFile(path, found)
  }

  /** Whether it was seen that it is not there any more. For good: its number may be given to another file. */
  get gone(): boolean {
    return this.#gone
  }

  /**
   * As `look`, at most once a second.
   *
   * @throws ThroughlineError `RECORDS_UNAVAILABLE`
   */
  check(): void {
    if (this.#gone || sharedClock() - this.#lookedAt >= LOOK_AGAIN_MS) this.look()
  }

  /**
   * Looks whether it still is under its name; 2 µs.
   *
   * @throws ThroughlineError `RECORDS_UNAVAILABLE` where it is not
   */
  look(): void {
    if (!this.#gone) {
      const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false })
      this.#gone = found?.ino !== this.#inode || found.dev !== this.#device
      this.#lookedAt = sharedClock()
    }
    if (this.#gone) {
      throw unavailable('The records file was deleted, moved or replaced while it was open: start the process anew.')
    }
  }
}
