import type { EventTemplate } from '../event.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { TimelineEvent, TimelinePage, TimelineQuery } from '../storage/records.ts'
import type { NewAuditEvent } from './new-event.ts'
import { readNewEvent } from './new-event.ts'
import type { AuditQuery } from './query.ts'
import { readQuery, writeCursor } from './query.ts'
import type { ReportedEvaluation } from './reported-evaluation.ts'
import { ReportedEvaluations } from './reported-evaluation.ts'

/** How long a page may be searched for. */
const SEARCH_MS = 5_000

/** A page of a trail, newest first. */
export interface AuditPage {
  readonly events: readonly TimelineEvent[]
  /**
   * `cursor` of the next page; absent on the last. What matches rarely in a long trail is searched for some 5 s: then a page
   * may have fewer events than were asked for, or none, and a next one.
   */
  readonly next?: string
  /** Some of what was acknowledged before the call is not in it yet: the projector did not get there in time. */
  readonly behind?: true
}

/** The trail of the tenant in whose context it is asked. */
export interface Audit {
  /**
   * Records an event of the app's own; resolves once it is durable. Inside `within` it resolves at once, and is durable
   * with the transaction.
   *
   * @throws ThroughlineError `TENANT_REQUIRED`, `EVENT_INVALID`, `RECORDS_FULL`, `OUTCOME_UNKNOWN`
   */
  record(event: NewAuditEvent): Promise<void>
  /**
   * Counts what another flag system answered as a `flag.evaluated` on the context's own record, its `provider` named.
   * Durable with the context, as our own evaluations are.
   *
   * @throws ThroughlineError `TENANT_REQUIRED`
   */
  flagEvaluated(evaluation: ReportedEvaluation): void
  /**
   * One page, newest first.
   *
   * @throws ThroughlineError `TENANT_REQUIRED`, `QUERY_INVALID`
   */
  list(query?: AuditQuery): Promise<AuditPage>
  /** Every event that matches, newest first, read page by page. */
  timeline(query?: AuditQuery): AsyncGenerator<TimelineEvent, void, undefined>
}

export interface TrailReader {
  timeline(query: TimelineQuery): Promise<TimelinePage>
  drain(): Promise<{ behind: boolean }>
  now(): number
}

export interface AuditScope {
  readonly tenant: { readonly id: string }
  /** Takes the event instead while the app fills a transaction of its own. */
  readonly joined?: { note(event: JournalEvent): void } | undefined
  note(event: JournalEvent): void
  fold(template: EventTemplate): void
  settlePart(): Promise<void>
}

/** The audit log of the current tenant. */
export function createAudit(reader: TrailReader, scope: () => AuditScope): Audit {
  const reported = new ReportedEvaluations()
  return {
    flagEvaluated: (evaluation) => scope().fold(reported.template(evaluation)),
    async record(event) {
      const current = scope()
      const noted = readNewEvent(event)
      const { joined } = current
      if (joined) {
        joined.note(noted)
        return
      }
      current.note(noted)
      await current.settlePart()
    },
    async list(query = {}) {
      return readTrail(reader, scope().tenant.id, query)
    },
    timeline(query = {}) {
      return walkTrail(reader, scope().tenant.id, query)
    },
  }
}

/** One page of a trail. */
export async function readTrail(reader: TrailReader, trail: string, query: AuditQuery): Promise<AuditPage> {
  const read = readQuery(trail, query, reader.now())
  const { behind } = query.consistency === 'projected' ? { behind: false } : await reader.drain()
  const { events, next } = await searchTrail(reader, read)
  return { events, ...(next && { next: writeCursor(next) }), ...(behind && { behind: true }) }
}

/** One page, of as many of the storage's as it takes, and no more than there is time for. */
async function searchTrail(reader: TrailReader, query: TimelineQuery): Promise<TimelinePage> {
  const until = reader.now() + SEARCH_MS
  const events: TimelineEvent[] = []
  let { before } = query
  for (;;) {
    const page = await reader.timeline({ ...query, limit: query.limit - events.length, ...(before && { before }) })
    events.push(...page.events)
    if (!page.next) return { events }
    before = page.next
    if (events.length === query.limit || reader.now() >= until) return { events, next: before }
  }
}

/** All pages of a trail. The trail is chosen when it is asked, whatever context is open when it is read. */
export async function* walkTrail(
  reader: TrailReader,
  trail: string,
  query: AuditQuery,
): AsyncGenerator<TimelineEvent, void, undefined> {
  // Read once: what was `last` back then would be another stretch of time at each page.
  const read = readQuery(trail, { limit: 500, ...query }, reader.now())
  if (query.consistency !== 'projected') await reader.drain()
  for (let before = read.before; ; ) {
    const { events, next } = await reader.timeline({ ...read, ...(before && { before }) })
    yield* events
    if (!next) return
    before = next
  }
}
