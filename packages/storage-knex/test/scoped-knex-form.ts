import type { Knex } from 'knex'
import type { Engine } from './scoped-knex-engines.ts'
import type { World } from './scoped-knex-fixture.ts'

/**
 * One form of statement, written for plain knex: run on the scoped db it must do the same to the tenant's rows alone.
 * `only`: the one database that knows the form.
 */
export type Form = readonly [name: string, run: (db: Knex) => PromiseLike<unknown>, only?: Engine['name']]

/** What is refused, wherever in the statement it stands. */
export type Refused = readonly [name: string, run: (world: World) => unknown, only?: Engine['name']]

/** What knex has and its types leave out. */
export interface Untyped extends Knex.QueryBuilder {
  whereColumn(left: string, right: string): Untyped
  havingExists(query: Knex.QueryBuilder): Untyped
  whereWrapped(group: unknown): Untyped
}

export function untyped(query: Knex.QueryBuilder): Untyped {
  return query as Untyped
}
