import { describe, it } from 'vitest'
import { expectExactlyOnceTogether } from './fixtures/processes-together.ts'
import { postgresService } from './services.ts'

const { url, isReachable } = await postgresService()

describe.skipIf(!isReachable)('several processes on Postgres', () => {
  it('4 serving processes and 2 workers, killed at random for a minute: everything is recorded once and counted exactly', async () => {
    await expectExactlyOnceTogether(url, { connections: 8, forMs: 60_000, livesMs: 6_000, outages: 4 })
  })
})
