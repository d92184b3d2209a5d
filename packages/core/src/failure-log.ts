import { ThroughlineError } from './errors.ts'
import type { Logger } from './options.ts'

/** ms between two lines on failures of one kind. */
const EVERY_MS = 10_000
/** Kinds that are told apart; beyond them all are told anew. */
const MAX_KINDS = 100

interface Told {
  readonly at: number
  /** Failures since. */
  more: number
}

/**
 * Says of each kind of failure that there was one, at once, and then every 10 s how many more: a database that is away
 * fails for every request, and logs of it must not fill the disk as well.
 */
export function failureLog(logger: Logger): (error: unknown) => void {
  const told = new Map<string, Told>()
  return (error) => {
    const kind = kindOf(error)
    const before = told.get(kind)
    const now = performance.now()
    if (before && now - before.at < EVERY_MS) {
      before.more += 1
      return
    }
    if (!before && told.size >= MAX_KINDS) told.clear()
    told.set(kind, { at: now, more: 0 })
    const more = before?.more ? `${before.more + 1} times since it was said last: ` : ''
    // In the message, too: there are loggers that drop what stands after it.
    logger.warn(`throughline: ${more}${kind}`, error)
  }
}

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 200)
  const said = error instanceof ThroughlineError ? error.message : `${error.name}: ${error.message}`
  return `${said}${error.cause instanceof Error ? ` (${error.cause.message})` : ''}`.slice(0, 400)
}
