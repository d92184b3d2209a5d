export type { Clock } from '../clock.ts'
export { newId, systemClock } from '../clock.ts'
export { didYouMean } from '../did-you-mean.ts'
export type { ErrorCode } from '../errors.ts'
export { ThroughlineError } from '../errors.ts'
export { inTime } from '../in-time.ts'
export type { Json } from '../vocabulary.ts'
export { PLATFORM } from '../vocabulary.ts'
export { changeStream } from './change-stream.ts'
export { combine } from './combine.ts'
export type { NotableEvent, Projection } from './fold-journal.ts'
export { foldJournal } from './fold-journal.ts'
export type { JournalEvent, JournalRecord } from './journal-record.ts'
export { batchLines, encodeBatch } from './journal-record.ts'
export type { JournalRow, WriterState } from './journal-seal.ts'
export { sealBatch } from './journal-seal.ts'
export {
  concurrencyDecision,
  debtAt,
  inWeight,
  MOST_DEBT,
  mostUnits,
  rateDecision,
  rateRoom,
  type WindowState,
  weightedUse,
  windowAt,
  windowDecision,
  windowRoom,
} from './limit-arithmetic.ts'
export type {
  ConcurrencyOperation,
  LimitAnswer,
  LimitDecision,
  LimitOperation,
  LimitRequest,
  LimitsStore,
  MaybePromise,
  RateOperation,
  WindowOperation,
} from './limits.ts'
export { MAX_OPERATIONS } from './limits.ts'
export type { MemoryStorageOptions } from './memory.ts'
export { memoryStorage } from './memory.ts'
export type { MemoryLimits, MemoryLimitsOptions } from './memory-limits.ts'
export { memoryLimits } from './memory-limits.ts'
export { periodHolds } from './quota-period.ts'
export type { ReadJournal, RepeatCount } from './read-journal.ts'
export { readJournal } from './read-journal.ts'
export type {
  Backlog,
  Change,
  CommitResult,
  DocumentKind,
  DocumentQuery,
  DocumentSet,
  DocumentWrite,
  JournalBatch,
  ListQuery,
  ProjectRequest,
  ProjectResult,
  QuotaMove,
  RecordsOpen,
  RecordsStore,
  ScopeVersion,
  StoredDocument,
  TimelineEvent,
  TimelinePage,
  TimelineQuery,
  UsageQuery,
  UsageTotal,
} from './records.ts'
export type { Segment, TrailEntry, TrailHead } from './segment.ts'
export { segmentHash } from './segment.ts'
export type { Storage } from './storage.ts'
export { actionMark, actorMark, isNotableQuery, ROUTINE_ACTIONS, TrailPage } from './trail-page.ts'
export type { CounterMove, LedgerEntry, UsageKey, UsageRollup } from './usage-fold.ts'
export { ledgerKey, usageKeyId } from './usage-fold.ts'
