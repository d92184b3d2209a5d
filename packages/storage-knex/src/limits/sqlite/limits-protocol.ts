import type { LimitRequest } from '@throughline/core/storage'
import type { Failure } from '../../sqlite/protocol.ts'

/** One call, as it crosses to the thread. */
export type LimitsCall =
  /** Opens the file. */
  | readonly ['open']
  | readonly ['decide', request: LimitRequest, now: number]
  | readonly ['refund', request: LimitRequest, now: number]
  | readonly ['renew', request: LimitRequest, now: number]
  | readonly ['close']

/** Calls that are answered together. */
export interface LimitsMessage {
  /** ms of the clock that all threads of a process share: after it nobody waits for the answer. */
  readonly deadline: number
  readonly calls: readonly LimitsCall[]
}

/** A value for each call, or why there is none. */
export type LimitsReply = { readonly values: readonly unknown[] } | { readonly failure: Failure }

/** A statement that was run, for tests that count them. */
export interface LimitsTrace {
  readonly sql: string
}

/** What a thread is started with. */
export interface LimitsThreadOptions {
  readonly filename: string
  readonly clock: 'server' | 'caller'
  /** ms that a transaction waits for another process's. */
  readonly busyTimeoutMs: number
  readonly trace: boolean
}
