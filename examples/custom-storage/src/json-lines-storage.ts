import type { RecordsStore, Storage, StoredDocument } from '@throughline/core/storage'
import {
  changeStream,
  foldJournal,
  isNotableQuery,
  newId,
  readJournal,
  sealBatch,
  ThroughlineError,
  TrailPage,
} from '@throughline/core/storage'
import type { LogFile } from './log-file.ts'
import { keyBeside, openLog } from './log-file.ts'
import type { LogEntry, WaitingRow } from './state.ts'
import { documentId, State } from './state.ts'

const MAX_WAITING = 100_000

/**
 * Records in one append-only file of JSON lines, and in memory; for one process.
 *
 * @example
 * const throughline = createThroughline({ storage: jsonLinesStorage({ filename: 'records.jsonl' }) })
 */
export function jsonLinesStorage({ filename }: { readonly filename: string }): Storage {
  return { records: jsonLinesRecords(filename) }
}

function jsonLinesRecords(filename: string): RecordsStore {
  /** A lease dies with its process, so it needs no line. */
  const leases = new Map<number, { readonly holder: string; readonly expiresAt: number }>()
  let state = new State()
  let log: LogFile | undefined
  let secret = ''
  let now = (): number => 0

  /** First the line, then the state: whatever is seen was written. One line is one transaction. */
  const write = (entry: LogEntry): void => {
    if (!log) throw new ThroughlineError('CLOSED')
    const line = JSON.stringify(entry)
    log.append(line)
    state.apply(JSON.parse(line))
  }
  const seal = (writer: string, seq: number, lane: number, body: string): WaitingRow => {
    if (state.journal.length >= MAX_WAITING) throw new ThroughlineError('RECORDS_FULL')
    const prev = state.appended.get(writer)?.mac ?? ''
    const mac = sealBatch(secret, { writer, seq, prev, body })
    return { id: state.lastId + 1, lane, writer, seq, prev, mac, body, at: now() }
  }

  return {
    name: 'json-lines',
    spillDirectory: `${filename}.spill`,

    async open(options) {
      const replayed = new State()
      const replay = (line: string): void => replayed.apply(JSON.parse(line))
      log = openLog(filename, { sync: options.durability === 'disk', replay })
      secret = options.secret ?? keyBeside(filename)
      state = replayed
      now = options.now
    },

    async close() {
      log?.close()
      log = undefined
    },

    async append({ writer, seq, lane, body }) {
      if (seq > (state.appended.get(writer)?.seq ?? 0)) write({ row: seal(writer, seq, lane, body) })
    },

    async commit(change) {
      const decided = state.decide(change, now())
      if ('status' in decided) return decided
      const stream = changeStream(change)
      const seq = (state.appended.get(stream)?.seq ?? 0) + 1
      write({ change: decided, ...(change.body !== '[]' && { row: seal(stream, seq, change.lane, change.body) }) })
      const versions = decided.scopes.map(({ scope, version }) => ({ scope, version }))
      return { status: 'committed', versions, used: decided.used }
    },

    async project({ lane, holder, leaseMs, maxRows }) {
      const idle = { lease: true, rows: 0, records: 0, more: false }
      const lease = leases.get(lane)
      if (lease && lease.holder !== holder && lease.expiresAt > now()) return { ...idle, lease: false }
      leases.set(lane, { holder, expiresAt: now() + leaseMs })
      const waiting = state.journal.filter((row) => row.lane === lane)
      const rows = waiting.slice(0, maxRows)
      const last = rows.at(-1)
      if (!last) return { ...idle, more: waiting.length > 0 }
      const read = readJournal(rows, state.projected, { secret, now, newId })
      const { heads, writers, ...rest } = foldJournal(read, { heads: state.heads, counted: state.counted })
      write({ projected: { ...rest, heads: [...heads], writers: [...writers] }, lane, upTo: last.id })
      return { lease: true, rows: rows.length, records: rest.records, more: waiting.length > rows.length }
    },

    async backlog() {
      const { journal } = state
      const [oldest] = journal
      const ageMs = oldest ? Math.max(0, now() - oldest.at) : 0
      const lanes = [...new Set(journal.map(({ lane }) => lane))].sort((a, b) => a - b)
      return { rows: journal.length, newest: journal.at(-1)?.id ?? 0, oldest: oldest?.id ?? 0, ageMs, lanes }
    },

    async read({ tenant, kinds, key }) {
      const found =
        key === undefined
          ? [...state.documents.values()].filter((it) => it.tenant === tenant && kinds.includes(it.kind)).sort(byPlace)
          : kinds.flatMap((kind) => state.documents.get(documentId({ kind, tenant, key })) ?? [])
      return { documents: structuredClone(found), version: state.scopes.get(tenant)?.version ?? 0 }
    },

    async list({ kind, tenant, after, limit }) {
      const found = [...state.documents.values()]
        .filter((it) => it.kind === kind && (tenant === undefined || it.tenant === tenant))
        .filter((it) => after === undefined || byPlace(it, after) > 0)
      return structuredClone(found.sort(byPlace).slice(0, Math.max(0, limit)))
    },

    async versions(query) {
      const found =
        'scopes' in query
          ? [...new Set(query.scopes)].flatMap((scope) => state.scopes.get(scope) ?? [])
          : [...state.scopes.values()].filter(({ changedAt }) => changedAt >= query.since)
      return found.map(({ scope, version }) => ({ scope, version }))
    },

    async timeline(query) {
      const page = new TrailPage(query)
      const repeats = state.repeats.get(query.tenant) ?? new Map<string, number>()
      if (isNotableQuery(query)) {
        state.notable.get(query.tenant)?.findLast((event) => page.addNotable(event, repeats))
      } else {
        state.segments.get(query.tenant)?.findLast((segment) => page.addSegment(segment, repeats))
      }
      return page.page()
    },

    usage: async (query) => state.usage(query),
  }
}

type Place = Pick<StoredDocument, 'tenant' | 'key'>

function byPlace(a: Place, b: Place): number {
  const compare = (x: string, y: string): number => Buffer.compare(Buffer.from(x), Buffer.from(y))
  return compare(a.tenant, b.tenant) || compare(a.key, b.key)
}
