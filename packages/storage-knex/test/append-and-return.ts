import { batchOf, openOptions, sqliteRecords } from './scratch-storage.ts'

const records = sqliteRecords({ filename: process.argv[2] ?? '' })
await records.open(openOptions())
await records.append(batchOf('acme', 1))
await records.backlog()
