import { ThroughlineError } from './errors.ts'
import type { JournalEvent } from './storage/journal-record.ts'

/** Notes an error on the record: its name and code. Messages stay out: they may hold what must not be kept. */
export function noteError(activity: { note(event: JournalEvent): void }, error: unknown): void {
  if (error instanceof ThroughlineError && error.status < 500) return
  const { name, code } = (typeof error === 'object' && error !== null ? error : {}) as {
    name?: unknown
    code?: unknown
  }
  activity.note({
    action: 'error',
    outcome: 'failure',
    notable: true,
    metadata: {
      name: typeof name === 'string' ? name.slice(0, 100) : typeof error,
      ...((typeof code === 'string' || typeof code === 'number') && { code: String(code).slice(0, 100) }),
    },
  })
}
