import { createThroughline } from '@throughline/core'
import knex from 'knex'
import { knexStorage } from '../src/index.ts'

/** Inserts a report and records it in one transaction, says how far it got, and waits to be killed. */
const [url = '', schema = '', until = ''] = process.argv.slice(2)
const database = knex({ client: 'pg', connection: url })
const throughline = createThroughline({
  storage: knexStorage({ app: database, schema }),
  meters: { reports: { aggregate: 'sum' } },
  journal: { spill: false, project: false },
})
const forever = new Promise<never>(() => setInterval(() => undefined, 1_000))

await throughline.run({ tenant: 'killed', actor: { id: 'ann' } }, async () => {
  await database.transaction(async (trx) => {
    await throughline.within(trx, async () => {
      await trx.withSchema(schema).insert({ id: until }).into('reports')
      await throughline.usage.record('reports', 1)
      await throughline.audit.record({ action: 'report.made', targets: [{ type: 'report', id: until }] })
    })
    if (until === 'joined') {
      process.stdout.write('joined\n')
      await forever
    }
  })
  process.stdout.write('committed\n')
  await forever
})
