import { describe, it } from 'vitest'
import { hammerTogether, killHolder, onPostgres, onSqlite } from './limits-processes.ts'
import { service } from './limits-scratch.ts'

const LOAD = { processes: 3, forMs: 300, inFlight: 8 }
const PLACES = [
  { name: 'SQLite', lend: onSqlite },
  ...(service.isReachable ? [{ name: 'Postgres', lend: onPostgres }] : []),
]

describe.each(PLACES)('processes that share limits on $name', { timeout: 120_000 }, ({ lend }) => {
  it('get what a tenant may have between them, and no unit more', () => hammerTogether(lend, LOAD))

  it('give their leases back when they are killed', () => killHolder(lend))
})
