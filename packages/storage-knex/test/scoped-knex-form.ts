import type { Knex } from 'knex'

/** One form of statement, written for plain knex: run on the scoped db it must do the same to the tenant's rows alone. */
export type Form = readonly [name: string, run: (db: Knex) => PromiseLike<unknown>]

/** What knex has and its types leave out. */
export interface Untyped extends Knex.QueryBuilder {
  whereColumn(left: string, right: string): Untyped
  havingExists(query: Knex.QueryBuilder): Untyped
}

export function untyped(query: Knex.QueryBuilder): Untyped {
  return query as Untyped
}
