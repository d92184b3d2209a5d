import type { CheckpointResult } from './protocol.ts'

/** Frames of the write-ahead log that are worth copying: at twice as many the writer does it by itself, and what comes waits. */
const DUE_FRAMES = 5_000
/** Frames for which appends hardly wait. */
const FEW_FRAMES = 500
/** Under steady load each pass leaves what came while it ran, which soon is what comes during a sync. */
const MOST_PASSES = 3
/** Of a write, as long as it is not known. */
const FIRST_GUESS = 8

export interface CheckpointsOptions {
  /** Copies what is in the log by now, while the writer goes on. */
  beside(): Promise<CheckpointResult>
  /** Copies the rest, in the writer's own turn: only between its transactions the log can begin anew. */
  between(): Promise<CheckpointResult>
}

/**
 * Copies the write-ahead log into the file before the writer has to: that takes 100 ms and more, in which nothing is
 * appended, and so nothing acknowledged.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions
  #writes = 0
  #framesOfWrite = FIRST_GUESS
  /** Frames that were in the log, and copied, when it was last seen. */
  #frames = 0
  #running: Promise<void> | undefined

  constructor(options: CheckpointsOptions) {
    this.#options = options
  }

  /** The writer was given something to write. */
  wrote(): void {
    this.#writes += 1
    if (this.#running || this.#writes * this.#framesOfWrite < DUE_FRAMES) return
    // A pass that fails leaves all of it to the writer, as if there had been none.
    this.#running = this.#run()
      .catch(ignore)
      .finally(() => {
        this.#running = undefined
      })
  }

  /** Resolves once none is under way. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const writes = this.#writes
    this.#writes = 0
    const { frames } = await this.#options.beside()
    // The log may have begun anew since: never less than half of what was known, or the next look would come far too late.
    const added = frames >= this.#frames ? frames - this.#frames : frames
    this.#framesOfWrite = Math.max(added / writes, this.#framesOfWrite / 2)
    let before = frames
    for (let pass = 1; pass < MOST_PASSES; pass++) {
      const { frames: after } = await this.#options.beside()
      if (after - before <= FEW_FRAMES) break
      before = after
    }
    const rest = await this.#options.between()
    this.#frames = rest.copied < rest.frames ? rest.frames : 0
  }
}

function ignore(): void {
  // The writer does it.
}
