import { writeSync } from 'node:fs'
import { batchOf, openOptions, sqliteRecords } from './scratch-storage.ts'

const [filename = '', writer = ''] = process.argv.slice(2)
const records = sqliteRecords({ filename })
await records.open(openOptions())

async function project(): Promise<never> {
  for (;;) await records.project({ lane: 0, holder: writer, leaseMs: 0, maxRows: 5 })
}
void project()
for (let seq = 1; ; seq++) {
  await records.append(batchOf('acme', seq, writer))
  writeSync(1, `${seq}\n`)
}
