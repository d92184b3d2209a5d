import { describe, it } from 'vitest'
import { expectExactlyOnceTogether } from './fixtures/processes-together.ts'
import { postgresService } from './services.ts'

const { url, isReachable } = await postgresService()

describe.skipIf(!isReachable)('several processes on Postgres', () => {
  it('4 serving processes and 2 workers, killed at random: everything is recorded once and counted exactly', {
    timeout: 60_000,
  }, async () => {
    await expectExactlyOnceTogether(url, { connections: 4, forMs: 3_500, livesMs: 2_000, outages: 1 })
  })
})
