import { redisLimits } from '@throughline/storage-redis'
import { Redis } from 'ioredis'
import { createSentinel } from 'redis'
import { describe, expect, it } from 'vitest'
import { canStartRedis, RedisServer } from '../../../test/fixtures/redis-server.ts'
import { inScratchDirectory } from '../../../test/fixtures/scratch-directory.ts'
import { until } from '../../../test/until.ts'
import type { Connected } from './redis-clients.ts'
import { Traffic } from './traffic.ts'

const NAME = 'limits'

const CLIENTS: Readonly<Record<string, (port: number) => Promise<Connected>>> = {
  async 'ioredis 6'(port) {
    const client = new Redis({ name: NAME, sentinels: [{ host: '127.0.0.1', port }] }).on('error', () => undefined)
    return { client, close: async () => client.disconnect() }
  },
  async 'node-redis 6'(port) {
    const client = createSentinel({ name: NAME, sentinelRootNodes: [{ host: '127.0.0.1', port }] })
    client.on('error', () => undefined)
    await client.connect()
    return { client, close: async () => client.destroy() }
  },
}

describe.skipIf(!canStartRedis())('a Redis whose place a replica takes', () => {
  it.each(Object.entries(CLIENTS))('is followed by %s, and no error is a refusal', async (_, connect) => {
    await inScratchDirectory(async (directory) => {
      const master = await RedisServer.create(directory)
      const replica = await RedisServer.create(directory, { replicaof: `127.0.0.1 ${master.port}` })
      const settings = {
        'sentinel monitor': `${NAME} 127.0.0.1 ${master.port} 1`,
        'sentinel down-after-milliseconds': `${NAME} 500`,
        'sentinel failover-timeout': `${NAME} 3000`,
      }
      const sentinel = await RedisServer.create(directory, settings, 'sentinel')
      try {
        await until(async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'))
        await until(async () => (await sentinel.command('INFO', 'sentinel')).includes('slaves=1'), { withinMs: 20_000 })
        const { client, close } = await connect(sentinel.port)
        const traffic = new Traffic(redisLimits({ client, answerWithinMs: 500 }))
        try {
          await until(() => traffic.granted > 100, { what: 'decisions' })
          traffic.longestMs = 0
          await master.kill()
          await until(() => traffic.failed > 0, { what: 'errors' })
          const { granted } = traffic
          await until(() => traffic.granted > granted + 100, { what: 'decisions by the replica', withinMs: 60_000 })
          expect(traffic.refused).toBe(0)
          expect(traffic.longestMs).toBeLessThan(1_500)
        } finally {
          await traffic.end()
          await close()
        }
      } finally {
        await Promise.all([master, replica, sentinel].map((it) => it.kill()))
      }
    })
  })
})
