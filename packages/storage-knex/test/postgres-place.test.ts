import { basename } from 'node:path'
import knex from 'knex'
import { expect, it } from 'vitest'
import { knexStorage } from '../src/index.ts'

it('names one folder for what waits to be replayed, however the database is written', () => {
  const same = [
    'postgres://u:p@db.x/app',
    'postgres://other:q@DB.x:5432/app?sslmode=require',
    { connectionString: 'postgres://u:p@db.x/app', ssl: true },
    { host: 'db.x', user: 'u', database: 'app' },
  ]
  expect(new Set(same.map(folderOf)).size).toBe(1)
  const others = ['postgres://u:p@db.x:5433/app', 'postgres://u:p@db.y/app', 'postgres://u:p@db.x/app2']
  expect(new Set([...same, ...others].map(folderOf)).size).toBe(4)
  expect(folderOf('postgres:///app?host=/run/pg')).toBe(folderOf({ host: '/run/pg', database: 'app' }))
})

function folderOf(connection: string | object): string {
  const { spillDirectory } = knexStorage({ app: knex({ client: 'pg', connection }) }).records
  return basename(spillDirectory ?? '')
}
