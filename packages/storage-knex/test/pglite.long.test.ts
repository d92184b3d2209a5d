import knex, { type Knex } from 'knex'
import ClientPglite from 'knex-pglite'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { pgliteContract } from './pglite-contract.ts'

let app: Knex

beforeAll(() => {
  app = knex({ client: ClientPglite, connection: {} })
})

afterAll(() => app.destroy())

describe('records on PGlite', () => {
  for (const { name, run } of pgliteContract(() => app)) it(name, run)
})
