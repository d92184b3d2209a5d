import { join } from 'node:path'
import { describe, it } from 'vitest'
import { RedisCluster } from '../../../test/fixtures/redis-cluster.ts'
import { canStartRedis, RedisServer } from '../../../test/fixtures/redis-server.ts'
import { inScratchDirectory } from '../../../test/fixtures/scratch-directory.ts'
import { expectLeasesReturn, expectNoneAbove } from '../../../test/limits-hammer.ts'

const module = join(import.meta.dirname, 'opened-limits.ts')
const FULL = { module, processes: 8, forMs: 5_000, inFlight: 25 }

describe.skipIf(!canStartRedis()).each(['ioredis', 'node-redis'])('8 processes, by %s', (by) => {
  it('on one Redis get what a tenant may have between them, and no unit more', async () => {
    await inScratchDirectory(async (directory) => {
      const server = await RedisServer.create(directory)
      try {
        const place = JSON.stringify({ by, urls: [server.url], prefix: 'hammered' })
        await expectNoneAbove({ ...FULL, place })
        await expectLeasesReturn({ module, place })
      } finally {
        await server.kill()
      }
    })
  })

  it('on a cluster of three masters get what a tenant may have between them, and no unit more', async () => {
    await inScratchDirectory(async (directory) => {
      const cluster = await RedisCluster.create(directory)
      try {
        const place = JSON.stringify({ by, urls: cluster.urls, prefix: 'hammered' })
        await expectNoneAbove({ ...FULL, place })
        await expectLeasesReturn({ module, place })
      } finally {
        await cluster.end()
      }
    })
  })
})
