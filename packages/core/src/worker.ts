import type { Clock } from './clock.ts'
import { newId, systemClock } from './clock.ts'
import { Projector } from './journal/index.ts'
import type { Backlog } from './storage/records.ts'
import type { Storage } from './storage/storage.ts'

const PAUSE_MS = 200

export interface WorkerOptions {
  readonly storage: Storage
  /** The `journal.secret` of the app, if it names one. */
  readonly secret?: string
  readonly clock?: Clock
  /** Told of every attempt that failed; it is repeated. */
  onFailure(error: unknown): void
}

/** A process's share of the projecting, without an app around it. */
export interface Worker {
  /** Records projected so far. */
  readonly projected: number
  /** What waits to be projected, by whomever. */
  backlog(): Promise<Backlog>
  /** Waits until all that is in the journal now is projected, here or elsewhere. */
  drain(timeoutMs: number): Promise<{ readonly behind: boolean }>
  /** Ends after the slice under way, gives the leases back and closes the storage. */
  close(): Promise<void>
}

/**
 * Projects the journal of apps that run elsewhere, for those with `journal: { project: false }`, until it is closed.
 * Any number of workers and apps may do so at once: each lane is one's at a time, by lease. The schema must be there.
 *
 * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED`, `RECORDS_UNAVAILABLE`, `OPTIONS_INVALID` for another secret than the
 *   journal's
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { storage, secret, clock = systemClock(), onFailure } = options
  const { records } = storage
  let projected = 0
  const projector = new Projector({
    holder: newId(clock.now()),
    async project(request) {
      const result = await records.project(request)
      projected += result.records
      return result
    },
    backlog: () => records.backlog(),
    onFailure,
  })
  await records.open({
    kinds: [],
    usage: false,
    migrate: 'check',
    durability: 'process',
    now: () => clock.now(),
    ...(secret !== undefined && { secret }),
  })
  let closing: Promise<void> | undefined
  let wake = (): void => {}
  const running = (async () => {
    while (!closing) {
      await projector.run()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PAUSE_MS)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  })()
  return {
    get projected() {
      return projected
    },
    backlog: () => records.backlog(),
    drain: (timeoutMs) => projector.drain(timeoutMs),
    close() {
      closing ??= projector
        .close()
        .then(() => {
          wake()
          return running
        })
        .then(() => records.close())
      return closing
    },
  }
}
