import type {
  ConcurrencyOperation,
  LimitAnswer,
  LimitDecision,
  LimitRequest,
  RateOperation,
  WindowOperation,
  WindowState,
} from '@throughline/core/storage'
import { concurrencyDecision, rateDecision, rateRoom, windowDecision, windowRoom } from '@throughline/core/storage'

/** What is held of a concurrency key: units, and ms until the first and the last lease end. */
export interface Held {
  readonly units: number
  /** Infinity where none is held. */
  readonly soonestMs: number
  readonly latestMs: number
}

export interface RateState {
  readonly operation: RateOperation
  readonly debt: number
  /** ms since the epoch: the time that it stands for, ahead of the clock where that went back. */
  readonly at: number
}

export interface WindowsState {
  readonly operation: WindowOperation
  readonly window: WindowState
  /** As of a rate. */
  readonly at: number
}

export interface HeldState {
  readonly operation: ConcurrencyOperation
  readonly held: Held
}

/** How an operation stands in a database: what was found, or what a request has left. */
export type OperationState = RateState | WindowsState | HeldState

/** Units of a request that may be taken, as its operations were found. */
export function grantedOf({ mode, units }: LimitRequest, found: readonly OperationState[]): number {
  if (mode === 'force') return units
  let granted = units
  for (const state of found) {
    const room = roomOf(state)
    if (room < granted) granted = mode === 'partial' ? room : 0
  }
  return granted
}

/**
 * What a request is answered.
 *
 * @param states after it where something was taken, else as they were found
 */
export function answerOf(
  { mode, units }: LimitRequest,
  states: readonly OperationState[],
  granted: number,
): LimitAnswer {
  const asked = mode === 'partial' ? Math.max(granted, 1) : units
  return {
    granted,
    // What was granted all of them had room for.
    decisions: states.map((state) => decisionOf(state, asked, granted > 0 || roomOf(state) >= asked)),
  }
}

function roomOf(state: OperationState): number {
  if ('debt' in state) return rateRoom(state.operation, state.debt)
  if ('window' in state) return windowRoom(state.operation, state.window, state.at)
  return Math.floor(Math.max(0, state.operation.limit - state.held.units) / state.operation.cost)
}

function decisionOf(state: OperationState, units: number, allowed: boolean): LimitDecision {
  if ('debt' in state) return rateDecision(state.operation, state.debt, units, allowed)
  if ('window' in state) return windowDecision(state.operation, state.window, state.at, units, allowed)
  return concurrencyDecision(state.operation, state.held, units, allowed)
}
