import { describe, it } from 'vitest'
import { limitsProperty } from '../../../test/limits-model/limits-commands.ts'
import { type Lend, onPostgres, onSqlite } from './limits-processes.ts'
import { service } from './limits-scratch.ts'
import { openLimits } from './opened-limits.ts'

const PLACES: readonly { name: string; lend: Lend; runs: number }[] = [
  { name: 'SQLite', lend: onSqlite, runs: 10_000 },
  ...(service.isReachable ? [{ name: 'Postgres', lend: onPostgres, runs: 3_000 }] : []),
]

describe.each(PLACES)('limits on $name', ({ lend, runs }) => {
  it('come to the same as the model', () =>
    lend(async (place) => {
      const { limits, close } = await openLimits(place, 'caller')
      try {
        await limitsProperty(async () => ({ limits, destroy: async () => {} }), { runs })
      } finally {
        await close()
      }
    }))
})
