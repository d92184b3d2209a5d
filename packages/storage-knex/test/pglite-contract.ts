import { randomBytes } from 'node:crypto'
import { type ContractCase, storageContract } from '@throughline/core/testing'
import type { Knex } from 'knex'
import { knexStorage } from '../src/knex-storage.ts'

export function newSchema(): string {
  return `tl_${randomBytes(6).toString('hex')}`
}

export async function dropSchema(app: Knex, schema: string): Promise<void> {
  await app.raw(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
}

/** What every storage has to hold, each case in a schema of its own on one PGlite. */
export function pgliteContract(app: () => Knex): readonly ContractCase[] {
  return storageContract({
    name: 'pglite',
    async create() {
      const schema = newSchema()
      return {
        storage: knexStorage({ app: app(), schema }),
        destroy: () => dropSchema(app(), schema),
        async forge() {
          await app().raw(`UPDATE ${schema}.throughline_journal
            SET body = replace(body, 'request.handled', 'request.forged')
            WHERE id = (SELECT max(id) FROM ${schema}.throughline_journal)`)
        },
      }
    },
  })
}
