import type { ConcurrencyOperation, LimitAnswer, LimitOperation, LimitRequest } from '@throughline/core/storage'
import { debtAt, MOST_DEBT, mostUnits, windowAt } from '@throughline/core/storage'
import type { Connection } from '../../sqlite/connection.ts'
import { keyColumn } from '../key-column.ts'
import {
  answerOf,
  grantedOf,
  type Held,
  type OperationState,
  type RateState,
  type WindowsState,
} from '../operation-state.ts'

interface Row {
  readonly used: number
  readonly scale: number
  readonly other: number
  /** ms */
  readonly at: number
}

const FIND = 'SELECT used, scale, other, changed_at AS at FROM throughline_limits WHERE tenant_id = ? AND key = ?'
const KEEP = `INSERT INTO throughline_limits (tenant_id, key, kind, used, scale, other, changed_at, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, key) DO UPDATE SET used = excluded.used, scale = excluded.scale,
other = excluded.other, changed_at = excluded.changed_at, expires_at = excluded.expires_at`
const HELD = `SELECT total(units) AS units, min(ends_at) AS soonest, max(ends_at) AS latest FROM throughline_limit_leases
WHERE tenant_id = ? AND key = ? AND ends_at > ? AND lease IS NOT ?`
const HOLD =
  'INSERT OR REPLACE INTO throughline_limit_leases (tenant_id, key, lease, units, ends_at) VALUES (?, ?, ?, ?, ?)'
const END = 'DELETE FROM throughline_limit_leases WHERE tenant_id = ? AND key = ? AND lease = ?'
const END_OVER = 'DELETE FROM throughline_limit_leases WHERE tenant_id = ? AND key = ? AND ends_at <= ?'
const RENEW = `UPDATE throughline_limit_leases SET ends_at = ?
WHERE tenant_id = ? AND key = ? AND lease = ? AND ends_at > ?`

/** Requests on the tables, each within a transaction of the caller's; the arithmetic is core's. */
export class LimitsTable {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  decide(request: LimitRequest, now: number): LimitAnswer {
    const { operations, mode } = request
    const found = operations.map((operation) => this.#find(request, operation, now))
    const granted = grantedOf(request, found)
    const takes = granted > 0 && mode !== 'peek'
    return answerOf(request, takes ? found.map((state) => this.#take(request, state, granted, now)) : found, granted)
  }

  refund(request: LimitRequest, now: number): void {
    const { group, operations, units, lease } = request
    for (const operation of operations) {
      const back = units * operation.cost
      const state = this.#find(request, operation, now)
      if ('debt' in state) {
        const debt = Math.max(0, state.debt - back * state.operation.weight)
        if (state.debt > 0) this.#keep(request, { ...state, debt })
      } else if ('window' in state) {
        const { current, previous } = state.window
        const window = {
          ...state.window,
          current: Math.max(0, current - back),
          previous: Math.max(0, previous - Math.max(0, back - current)),
        }
        if (current + previous > 0) this.#keep(request, { ...state, window })
      } else if (lease !== undefined) {
        this.#connection.run(END, group, keyColumn(request, operation.key), lease)
      }
    }
  }

  renew(request: LimitRequest, now: number): boolean {
    const { group, operations, lease } = request
    let isHeld = lease !== undefined
    for (const { kind, key, ...operation } of operations) {
      if (kind !== 'concurrency' || lease === undefined) continue
      const { ttlMs } = operation as ConcurrencyOperation
      const renewed = this.#connection.run(RENEW, now + ttlMs, group, keyColumn(request, key), lease, now)
      isHeld = renewed > 0 && isHeld
    }
    return isHeld
  }

  #find(request: LimitRequest, operation: LimitOperation, now: number): OperationState {
    if (operation.kind === 'concurrency') return { operation, held: this.#held(request, operation, now) }
    const row = this.#connection.get<Row>(FIND, request.group, keyColumn(request, operation.key))
    // A clock that went back stands still.
    const at = Math.max(now, row?.at ?? 0)
    if (operation.kind === 'rate') {
      return { operation, debt: row ? debtAt(row.used, row.at, row.scale, row.other, operation, at) : 0, at }
    }
    const { windowMs } = operation
    if (!row) return { operation, window: { start: startOf(at, windowMs), current: 0, previous: 0 }, at }
    const stored = { start: startOf(row.at, row.scale), current: row.used, previous: row.other }
    return { operation, window: windowAt(stored, row.scale, windowMs, at), at }
  }

  #take(request: LimitRequest, state: OperationState, granted: number, now: number): OperationState {
    const units = granted * state.operation.cost
    if ('held' in state) return { ...state, held: this.#hold(request, state.operation, state.held, units, now) }
    let taken: RateState | WindowsState
    if ('debt' in state) {
      taken = { ...state, debt: Math.min(state.debt + units * state.operation.weight, MOST_DEBT) }
    } else {
      const current = Math.min(state.window.current + units, mostUnits(state.operation.windowMs))
      taken = { ...state, window: { ...state.window, current } }
    }
    this.#keep(request, taken)
    return taken
  }

  #keep(request: LimitRequest, state: RateState | WindowsState): void {
    const { kind, key } = state.operation
    const row = [request.group, keyColumn(request, key), kind]
    if ('debt' in state) {
      const { debt, at, operation } = state
      const free = at + Math.ceil(debt / operation.perMs)
      this.#connection.run(KEEP, ...row, debt, operation.weight, operation.perMs, at, free)
    } else {
      const { window, at, operation } = state
      const free = window.start + 2 * operation.windowMs
      this.#connection.run(KEEP, ...row, window.current, operation.windowMs, window.previous, at, free)
    }
  }

  #held(request: LimitRequest, { key }: ConcurrencyOperation, now: number): Held {
    const found = this.#connection.get<{ units: number; soonest: number | null; latest: number | null }>(
      HELD,
      request.group,
      keyColumn(request, key),
      now,
      request.lease ?? null,
    )
    const { units = 0, soonest = null, latest = null } = found ?? {}
    return {
      units,
      soonestMs: soonest === null ? Number.POSITIVE_INFINITY : soonest - now,
      latestMs: latest === null ? 0 : latest - now,
    }
  }

  #hold(request: LimitRequest, operation: ConcurrencyOperation, held: Held, units: number, now: number): Held {
    const { group, lease } = request
    const { ttlMs } = operation
    const taken = Math.min(units, Number.MAX_SAFE_INTEGER)
    if (lease !== undefined) {
      const key = keyColumn(request, operation.key)
      this.#connection.run(END_OVER, group, key, now)
      this.#connection.run(HOLD, group, key, lease, taken, now + ttlMs)
    }
    return {
      units: held.units + taken,
      soonestMs: Math.min(held.soonestMs, ttlMs),
      latestMs: Math.max(held.latestMs, ttlMs),
    }
  }
}

function startOf(at: number, windowMs: number): number {
  return at - (at % windowMs)
}
