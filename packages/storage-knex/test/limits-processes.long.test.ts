import knex from 'knex'
import { describe, expect, it } from 'vitest'
import { PostgresServer, postgresPrograms } from '../../../test/fixtures/postgres-server.ts'
import { inScratchDirectory } from '../../../test/fixtures/scratch-directory.ts'
import { until } from '../../../test/until.ts'
import { knexLimits } from '../src/limits/knex-limits.ts'
import { rate, take } from './limits-asked.ts'
import { hammerTogether, onPostgres, onSqlite } from './limits-processes.ts'
import { service } from './limits-scratch.ts'

const HOUR = 3_600_000
const LOAD = { processes: 8, forMs: 20_000, inFlight: 16 }
const PLACES = [
  { name: 'SQLite', lend: onSqlite },
  ...(service.isReachable ? [{ name: 'Postgres', lend: onPostgres }] : []),
]

describe.each(PLACES)('8 processes that share limits on $name', ({ lend }) => {
  it('get what a tenant may have between them, and no unit more', () => hammerTogether(lend, LOAD))
})

const programs = postgresPrograms()

describe.runIf(programs !== undefined)('limits on a Postgres that is stopped and started', () => {
  it('reject soon while it is away, refuse nobody for it, and go on by themselves, counting on', () =>
    inScratchDirectory(async (directory) => {
      const server = await PostgresServer.create(programs ?? '', directory)
      const app = knex({ client: 'pg', connection: new URL('?', server.place).href })
      const limits = knexLimits({ app })
      try {
        await limits.open()
        const asked = { granted: 0, refused: 0, failed: 0, longestMs: 0 }
        let isOver = false
        const ask = async (): Promise<void> => {
          while (!isOver) {
            const from = performance.now()
            try {
              if ((await take(limits, rate('a', { weight: HOUR, capacity: 3_000 * HOUR }))) > 0) asked.granted += 1
              else asked.refused += 1
            } catch {
              asked.failed += 1
            }
            asked.longestMs = Math.max(asked.longestMs, performance.now() - from)
            await new Promise((resolve) => setTimeout(resolve, 10))
          }
        }
        const all = Promise.all(Array.from({ length: 16 }, ask))
        for (let i = 0; i < 3; i++) {
          const before = asked.granted
          await until(() => asked.granted > before + 100)
          await server.stop('fast')
          const failed = asked.failed
          await until(() => asked.failed > failed + 100)
          expect(asked.refused).toBe(0)
          await server.start()
        }
        await until(() => asked.refused > 100, { withinMs: 60_000 })
        isOver = true
        await all
        console.log(asked)
        // What was asked as the server went may have been taken, and not been heard of.
        expect(asked.granted).toBeLessThanOrEqual(3_000)
        expect(asked.granted).toBeGreaterThan(3_000 - 3 * 16)
        expect(asked.longestMs).toBeLessThan(2_000)
      } finally {
        await limits.close()
        await app.destroy()
        await server.end()
      }
    }))
})
