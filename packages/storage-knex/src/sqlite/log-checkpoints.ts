import type { LogCopy } from './write-ahead-log.ts'

/** Frames of the write-ahead log that are worth copying. */
const DUE_FRAMES = 5_000
/** Frames for which appends hardly wait. */
const FEW_FRAMES = 500
/** Under steady load each pass leaves what came while it ran, which soon is what comes during a sync. */
const MOST_PASSES = 3
/** Frames at which it is worth a wait that the log begins anew: who reads or writes at every moment keeps it from that. */
const LONG_FRAMES = 20_000

export interface LogCheckpointsOptions {
  /** Copies what is in the log by now, while the writer goes on; `undefined`: another process is at it. */
  beside(): Promise<LogCopy | undefined>
  /**
   * Copies the rest, in the writer's own turn: only between transactions the log can begin anew.
   *
   * @param waits for those of other processes, and for who reads, as long as a write waits
   */
  between(waits: boolean): Promise<LogCopy | undefined>
}

/**
 * Has the write-ahead log copied into the file beside the writer: where SQLite does it by itself, it takes 100 ms and more
 * of a commit, in which nothing is appended, and so nothing acknowledged.
 */
export class LogCheckpoints {
  readonly #options: LogCheckpointsOptions
  /** Frames that the last round left behind: somebody still reads what was before them, or they could not be written. */
  #left = 0
  #isRunning = false
  #isClosed = false

  constructor(options: LogCheckpointsOptions) {
    this.#options = options
  }

  /** The writer saw so many frames in the log that are not in the file. */
  seen(uncopied: number): void {
    this.#left = Math.min(this.#left, uncopied)
    if (this.#isRunning || this.#isClosed || uncopied - this.#left < DUE_FRAMES) return
    void this.#run(uncopied)
  }

  /** Begins nothing more. */
  close(): void {
    this.#isClosed = true
  }

  async #run(uncopied: number): Promise<void> {
    this.#isRunning = true
    // What fails is tried again once there is more.
    this.#left = await this.#round(uncopied).catch(() => uncopied)
    this.#isRunning = false
  }

  /** Answers how many frames are left behind. */
  async #round(uncopied: number): Promise<number> {
    const { beside, between } = this.#options
    let before = 0
    for (let pass = 1; pass <= MOST_PASSES; pass++) {
      const copy = await beside().catch(() => 'failed' as const)
      if (this.#isClosed || copy === undefined) return uncopied
      // The log must not grow without end: then appends have to wait.
      if (copy === 'failed') break
      // In the writer's turn it would take too long once the reader has gone, and before that it leads to nothing.
      if (leftBy(copy) > FEW_FRAMES) return leftBy(copy)
      const more = copy.frames - before
      before = copy.frames
      if (pass > 1 && more <= FEW_FRAMES) break
    }
    const rest = await between(before >= LONG_FRAMES)
    return rest ? leftBy(rest) : uncopied
  }
}

function leftBy({ frames, copied }: LogCopy): number {
  return frames - copied
}
