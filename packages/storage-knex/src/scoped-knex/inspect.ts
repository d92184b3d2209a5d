import { ThroughlineError } from '@throughline/core/storage'
import type { Grammar } from './grammar.ts'
import {
  isBuilder,
  isRaw,
  type KnexBuilder,
  type KnexClient,
  type KnexJoin,
  type KnexStatement,
} from './knex-internals.ts'
import { type RawPolicy, refusedRaw } from './raw-policy.ts'

const JOIN_TYPES = new Set(['inner', 'left', 'left outer', 'right', 'right outer', 'outer', 'full outer', 'cross'])
const WRITTEN = new Set(['insert', 'update', 'merge'])
const CELL_DEPTH = 2
const MAX_DEPTH = 32

/**
 * Looks at everything in a statement that knex writes out as it stands, before it compiles. Nested builders and
 * callbacks are left out: they are inspected when they compile in their turn.
 *
 * @throws ThroughlineError `SCOPE_RAW_REFUSED`
 * @throws ThroughlineError `SCOPE_UNSUPPORTED` for an option of the driver that could change the statement
 */
export function inspectBuilder(builder: KnexBuilder, raws: RawPolicy, { driverOptions }: Grammar): void {
  for (const name of (builder._options ?? []).flatMap(Object.keys)) {
    if (driverOptions !== undefined && !driverOptions.has(name)) {
      throw new ThroughlineError('SCOPE_UNSUPPORTED', { message: `The option "${name}" could change the statement.` })
    }
  }
  const { table, updateFrom, using, ...single } = builder._single
  for (const source of [table, updateFrom, using]) refuseRawTable(source)
  for (const [name, value] of Object.entries(single)) {
    if (value !== undefined) inspectValue(value, raws, WRITTEN.has(name) ? 'value' : 'expression', 0)
  }
  for (const statement of builder._statements) {
    if (statement.grouping === 'join') inspectJoin(statement as KnexJoin, raws)
    else if (statement.type === 'analytic') inspectAnalytic(statement, raws, builder.client)
    else inspectStatement(statement, raws)
  }
}

function inspectStatement(statement: KnexStatement, raws: RawPolicy): void {
  const { type, value, nulls } = statement
  // Knex cuts off what would be its `where`.
  if ((type === 'whereWrapped' || type === 'havingWrapped') && isRaw(value)) throw refusedRaw('it stands for a group')
  // Written out unread, as below.
  if (nulls && nulls !== 'first' && nulls !== 'last') throw refusedRaw(`"${String(nulls)}" is no place for nulls`)
  inspectFields(statement, raws)
}

/** Looks at the clauses of a join that a callback has just made. */
export function inspectClauses(clauses: readonly object[], raws: RawPolicy): void {
  for (const clause of clauses) inspectFields(clause, raws)
}

function inspectJoin(join: KnexJoin, raws: RawPolicy): void {
  if (!JOIN_TYPES.has(join.joinType)) throw refusedRaw(`"${join.joinType}" is no kind of join that can be scoped`)
  refuseRawTable(join.table)
  inspectClauses(join.clauses, raws)
}

function inspectAnalytic(statement: KnexStatement, raws: RawPolicy, client: KnexClient): void {
  // Every other raw is compiled by the statement's client; this one by its own, which may not be scoped.
  if (isRaw(statement.raw)) statement.raw.client = client
  for (const field of ['order', 'partitions', 'raw']) {
    const value = statement[field]
    inspectValue(value, raws, 'expression', 0)
    if (!Array.isArray(value)) continue
    for (const item of value as readonly { order?: unknown }[]) {
      // The one place where knex writes a direction out unread.
      if (item?.order !== undefined && !/^(asc|desc)$/i.test(String(item.order))) {
        throw refusedRaw(`"${String(item.order)}" is no direction`)
      }
    }
  }
}

function inspectFields(fields: object, raws: RawPolicy): void {
  for (const value of Object.values(fields)) {
    if (typeof value === 'object' && value !== null) inspectValue(value, raws, 'expression', 0)
  }
}

function inspectValue(value: unknown, raws: RawPolicy, place: 'expression' | 'value', depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (isRaw(value)) {
    raws.check(value, place)
    inspectValue(value.bindings, raws, 'expression', depth + 1)
    return
  }
  if (isBuilder(value) || ArrayBuffer.isView(value) || value instanceof Date) return
  // A cell of a row is bound as it is: knex looks for raw SQL in the rows and in their cells, and no deeper.
  if (place === 'value' && depth > CELL_DEPTH) return
  if (depth > MAX_DEPTH) {
    throw new ThroughlineError('SCOPE_UNSUPPORTED', { message: 'A value is nested too deep to be looked at.' })
  }
  for (const item of Array.isArray(value) ? value : Object.values(value)) inspectValue(item, raws, place, depth + 1)
}

function refuseRawTable(table: unknown): void {
  if (isRaw(table)) throw refusedRaw('it stands for a table')
  if (typeof table !== 'object' || table === null || isBuilder(table)) return
  for (const source of Object.values(table)) refuseRawTable(source)
}
