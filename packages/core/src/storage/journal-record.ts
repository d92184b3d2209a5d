import type { Json, Outcome, Target } from '../vocabulary.ts'

/**
 * One record of the journal: what one context (or one part of a long one) leaves, or one state change.
 * This is also the format of the audit log: a record is never rewritten on its way.
 */
export interface JournalRecord {
  readonly id: string
  readonly tenant: string
  /** ms since the epoch: when the context was opened, or the change was made. */
  readonly at: number
  readonly actor: { readonly type: string; readonly id: string; readonly name?: string }
  readonly trace?: string
  /** 2, 3 … for what a context did after it settled, or in a later part. */
  readonly part?: number
  /** Id of the first part. */
  readonly of?: string
  readonly request?: {
    readonly method: string
    readonly path: string
    readonly route?: string
    readonly status?: number
    readonly ms?: number
    readonly ip?: string
    readonly agent?: string
    readonly id?: string
  }
  /** Why the operator acted. */
  readonly reason?: string
  readonly events: readonly JournalEvent[]
  /** A refusal equal to one of less than a minute ago: no events of its own, it adds to that one's count. */
  readonly repeat?: { readonly of: string; readonly at: number; readonly count: number }
}

export interface JournalEvent {
  readonly action: string
  /** Absent: success. */
  readonly outcome?: Outcome
  /** Absent: 1. */
  readonly count?: number
  /** ms after the record's `at`. */
  readonly after?: number
  readonly targets?: readonly Target[]
  readonly metadata?: { readonly [key: string]: Json }
  /** Stands in the index of notable events. */
  readonly notable?: true
}

const SEPARATOR = ',\n'

/** The body of a batch: a JSON array with one record a line. JSON never holds a raw line feed, so lines can be split. */
export function encodeBatch(lines: readonly string[]): string {
  if (lines.length === 0) return '[]'
  // The brackets go into the lines: around the joined text they would have it copied once more.
  const framed = [...lines]
  framed[0] = `[${framed[0]}`
  framed[framed.length - 1] += ']'
  return framed.join(SEPARATOR)
}

/** The records of a batch, each still the text that was written. */
export function batchLines(body: string): readonly string[] {
  return body === '[]' ? [] : body.slice(1, -1).split(SEPARATOR)
}
