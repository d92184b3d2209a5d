import { join } from 'node:path'
import { describe, it } from 'vitest'
import { expectLeasesReturn, expectNoneAbove } from '../../../test/limits-hammer.ts'
import { redisService } from '../../../test/services.ts'
import { withPrefix } from './redis-clients.ts'

const { url, isReachable } = await redisService()
const module = join(import.meta.dirname, 'opened-limits.ts')

describe.skipIf(!isReachable)('processes on one Redis', () => {
  it('get what a tenant may have between them, and no unit more', { timeout: 60_000 }, async () => {
    await withPrefix(url, async (prefix) => {
      const place = JSON.stringify({ by: 'ioredis', urls: [url], prefix })
      await expectNoneAbove({ module, place, processes: 3, forMs: 500, inFlight: 8 })
    })
  })

  it('give their leases back when they are killed', { timeout: 60_000 }, async () => {
    await withPrefix(url, async (prefix) => {
      await expectLeasesReturn({ module, place: JSON.stringify({ by: 'ioredis', urls: [url], prefix }) })
    })
  })
})
