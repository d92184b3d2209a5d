import type { Backlog, ProjectRequest, ProjectResult } from '../storage/records.ts'
import { unavailable } from '../unavailable.ts'

const SLICE_ROWS = 4_096
/** Less than a read waits: one that comes just after another process ended has not to say that it is behind. */
const LEASE_MS = 1_000
/** Under steady load the journal is projected this often: more rows in a slice make each of them cheaper. */
const PAUSE_MS = 200
const RETRY_MS = 1_000
/** Reads that wait try again sooner than that, but not at each poll: each attempt holds the database, and is logged. */
const RETRY_FIRST_MS = 10
const RETRY_LAST_MS = 250
const DRAIN_POLL_MS = 5

export interface ProjectorOptions {
  readonly holder: string
  project(request: ProjectRequest): Promise<ProjectResult>
  backlog(): Promise<Backlog>
  onFailure(error: unknown): void
}

/** Moves the journal into what can be asked, slice by slice; a lane is one process's at a time, by lease. */
export class Projector {
  readonly #options: ProjectorOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  readonly #held = new Set<number>()
  #closed = false
  #retryDelay = RETRY_FIRST_MS
  #retryAt = 0
  /** When it last got through all lanes. */
  #throughAt: number = performance.now()

  constructor(options: ProjectorOptions) {
    this.#options = options
  }

  /** Something was appended. */
  kick(delay: number = PAUSE_MS): void {
    if (this.#timer || this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.run()
    }, delay)
    this.#timer.unref()
  }

  /** Projects all lanes until nothing waits, or others hold the leases; nothing so soon after a failure. */
  run(): Promise<void> {
    if (performance.now() < this.#retryAt) return Promise.resolve()
    this.#running ??= this.#runLanes().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** ms that rows have waited without this projector getting through; 0 when none waits. */
  lagMs({ rows, ageMs }: Pick<Backlog, 'rows' | 'ageMs'>): number {
    return rows === 0 ? 0 : Math.min(ageMs, Math.round(performance.now() - this.#throughAt))
  }

  /**
   * Waits until everything that is in the journal now is projected, by this process or another one.
   *
   * @param timeoutMs after which it answers `behind: true`
   */
  async drain(timeoutMs: number): Promise<{ behind: boolean }> {
    const { newest, rows } = await this.#options.backlog().catch(unavailable)
    if (rows === 0) return { behind: false }
    const deadline = performance.now() + timeoutMs
    for (;;) {
      // What comes in meanwhile is projected too: under steady load that has no end to wait for.
      await Promise.race([this.run(), pause()])
      const { rows: left, oldest } = await this.#options.backlog().catch(unavailable)
      if (left === 0 || oldest > newest) return { behind: false }
      if (performance.now() >= deadline || this.#closed) return { behind: true }
      await pause()
    }
  }

  /** Ends after the slice under way, and gives the leases back. */
  async close(): Promise<void> {
    const { holder, project, onFailure } = this.#options
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#running
    for (const lane of this.#held) await project({ lane, holder, leaseMs: 0, maxRows: 0 }).catch(onFailure)
  }

  async #runLanes(): Promise<void> {
    let failed = false
    const attempt = (step: Promise<void>): Promise<void> =>
      step.catch((error: unknown) => {
        failed = true
        this.#options.onFailure(error)
      })
    await attempt(
      this.#options.backlog().then(async ({ lanes }) => {
        // One that can't be projected keeps none of the others waiting.
        for (const lane of lanes) await attempt(this.#runLane(lane))
      }),
    )
    if (failed) {
      this.#retryAt = performance.now() + this.#retryDelay
      this.#retryDelay = Math.min(this.#retryDelay * 2, RETRY_LAST_MS)
      this.kick(RETRY_MS)
    } else {
      this.#retryDelay = RETRY_FIRST_MS
      this.#throughAt = performance.now()
    }
  }

  async #runLane(lane: number): Promise<void> {
    const { holder, project } = this.#options
    for (let more = true; more; ) {
      const result = await project({ lane, holder, leaseMs: LEASE_MS, maxRows: SLICE_ROWS })
      more = result.more && result.lease && result.rows > 0 && !this.#closed
      if (result.lease) this.#held.add(lane)
      else {
        this.#held.delete(lane)
        this.kick(RETRY_MS)
      }
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS))
}
