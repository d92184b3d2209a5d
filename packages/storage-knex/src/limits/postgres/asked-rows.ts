import type { LimitAnswer, LimitOperation, LimitRequest } from '@throughline/core/storage'
import { keyColumn } from '../key-column.ts'
import { answerOf, type OperationState } from '../operation-state.ts'
import type { Ask } from './request-lanes.ts'

/** One statement for any number of requests. */
export const DECIDE = `SELECT granted, x, y, z FROM throughline_limit_decide($1::text[], $2::text[],
$3::float8[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::float8[], $10::float8[], $11::float8[],
$12::float8[], $13::text[], $14::text[])`

/** One operation of an answer. */
export interface StateRow {
  readonly granted: number
  readonly x: number | null
  readonly y: number | null
  readonly z: number | null
}

/** What {@link DECIDE} is given. */
export function valuesOf(asks: readonly Ask[], clock: 'server' | 'caller'): readonly unknown[] {
  const operations = asks.flatMap(({ request }) => request.operations)
  const keys = new Keys()
  const places = asks.flatMap(({ request }) => request.operations.map(({ key }) => keys.placeOf(request, key)))
  return [
    asks.map(({ request }) => request.group),
    asks.map(({ verb }) => verb),
    asks.map(({ request }) => request.units),
    asks.map(({ request }) => request.lease ?? null),
    asks.map(({ now }) => (clock === 'caller' ? now : null)),
    asks.map(({ request }) => request.operations.length),
    places,
    operations.map(({ kind }) => kind),
    operations.map((it) => (it.kind === 'rate' ? it.capacity : it.limit)),
    operations.map(scaleOf),
    operations.map((it) => (it.kind === 'rate' ? it.perMs : 0)),
    operations.map(({ cost }) => cost),
    keys.owners,
    keys.names,
  ]
}

/** The keys of a statement, each of them once. */
class Keys {
  readonly owners: string[] = []
  readonly names: string[] = []
  readonly #places = new Map<string, number>()

  /** From 1. */
  placeOf(request: LimitRequest, key: string): number {
    // A tenant's id is no part of another's: the key begins with it and U+0000.
    let place = this.#places.get(key)
    if (place === undefined) {
      this.owners.push(request.group)
      place = this.names.push(keyColumn(request, key))
      this.#places.set(key, place)
    }
    return place
  }
}

/** What each request is answered; of those that decide nothing, what was granted says it. */
export function answersOf(asks: readonly Ask[], rows: readonly StateRow[]): readonly LimitAnswer[] {
  let next = 0
  return asks.map(({ verb, request }) => {
    const own = rows.slice(next, next + request.operations.length)
    next += own.length
    if (verb === 'refund' || verb === 'renew') {
      return { granted: own.every(({ granted }) => granted > 0) ? 1 : 0, decisions: [] }
    }
    const states = request.operations.map((operation, i) => stateOf(operation, own[i] as StateRow))
    return answerOf(request, states, own[0]?.granted ?? 0)
  })
}

function scaleOf(operation: LimitOperation): number {
  if (operation.kind === 'rate') return operation.weight
  return operation.kind === 'window' ? operation.windowMs : operation.ttlMs
}

function stateOf(operation: LimitOperation, { x, y, z }: StateRow): OperationState {
  if (operation.kind === 'concurrency') {
    return { operation, held: { units: x ?? 0, soonestMs: y ?? Number.POSITIVE_INFINITY, latestMs: z ?? 0 } }
  }
  const at = x ?? 0
  if (operation.kind === 'rate') return { operation, debt: y ?? 0, at }
  const start = at - (at % operation.windowMs)
  return { operation, window: { start, current: y ?? 0, previous: z ?? 0 }, at }
}
