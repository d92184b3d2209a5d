import { createThroughline } from '@throughline/core'
import knex from 'knex'
import ClientPglite from 'knex-pglite'
import { expect, it } from 'vitest'
import { knexStorage } from '../src/knex-storage.ts'

it('joins a transaction on PGlite, which has no connection but that', { timeout: 120_000 }, async () => {
  const app = knex({ client: ClientPglite, connection: {} })
  const throughline = createThroughline({
    storage: knexStorage({ app, answerWithinMs: 10_000 }),
    meters: { reports: { aggregate: 'count' } },
    journal: { spill: false },
  })
  try {
    await app.schema.createTable('reports', (table) => void table.text('id').primary())
    const as = <R>(fn: () => Promise<R>): Promise<R> => throughline.run({ tenant: 'acme', actor: { id: 'ann' } }, fn)
    const create = (id: string): Promise<void> =>
      app.transaction((trx) =>
        throughline.within(trx, async () => {
          await trx('reports').insert({ id })
          await throughline.usage.record('reports', 1)
        }),
      )
    await as(() => create('a'))
    await expect(as(() => create('a'))).rejects.toThrow(/unique/)
    const { totals } = await as(() => throughline.usage.totals())
    expect(totals).toEqual([{ meter: 'reports', quantity: 1, count: 1 }])
  } finally {
    await throughline.close()
    await app.destroy()
  }
})
