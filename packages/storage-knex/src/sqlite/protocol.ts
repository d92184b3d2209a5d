import type {
  Change,
  DocumentQuery,
  ErrorCode,
  ListQuery,
  ProjectRequest,
  RecordsStore,
  TimelineQuery,
  UsageQuery,
} from '@throughline/core/storage'
import type { Feature } from '../migrations/migration.ts'

/** One call, as it crosses to a thread: its name, then its arguments. Tuples, since they clone faster than objects. */
export type Operation =
  | readonly ['append', writer: string, seq: number, lane: number, body: string]
  | readonly ['commit', change: Change]
  | readonly ['project', request: ProjectRequest]
  | readonly ['migrate', mode: 'auto' | 'check', features: readonly Feature[]]
  | readonly ['checkpoint', waits: boolean]
  /** Answered once the thread runs; opens nothing. */
  | readonly ['ready']
  | readonly ['backlog']
  | readonly ['read', query: DocumentQuery]
  | readonly ['list', query: ListQuery]
  | readonly ['versions', query: Parameters<RecordsStore['versions']>[0]]
  | readonly ['timeline', query: TimelineQuery]
  | readonly ['usage', query: UsageQuery]
  | readonly ['close']

/** All calls of one turn of the event loop. */
export interface Request {
  readonly id: number
  /** ms since the epoch by the instance's clock. */
  readonly now: number
  /** ms of `process.hrtime`, which all threads of a process share: after it nobody waits for the answer. */
  readonly deadline: number
  readonly operations: readonly Operation[]
}

/** What is left of an error on the other side of a thread. */
export interface Failure {
  readonly code: ErrorCode
  readonly message?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: { readonly name: string; readonly message: string; readonly code?: string }
}

export type Result = { readonly value: unknown } | { readonly failure: Failure }

/** Without `results`, every operation succeeded and had nothing to say. */
export interface Answer {
  readonly id: number
  readonly results?: readonly Result[]
  /** Pages of the write-ahead log that are not in the file, where somebody is to see to it. */
  readonly uncopied?: number
}

/** A statement that was run, for tests that count them. */
export interface Trace {
  readonly sql: string
}

/** The writer has the one connection that changes anything; the checkpointer only copies what the writer has written. */
export type Role = 'writer' | 'reader' | 'checkpointer'

/** What a thread is started with. */
export interface ThreadOptions {
  readonly role: Role
  readonly filename: string
  readonly durability: 'process' | 'disk'
  readonly secret: string | undefined
  readonly busyTimeoutMs: number
  readonly trace: boolean
}

/** ms of a clock that all threads of this process share and that never goes back. */
export function sharedClock(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}
