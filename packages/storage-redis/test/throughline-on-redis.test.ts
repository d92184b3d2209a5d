import { combine, createThroughline, memoryStorage, perDay } from '@throughline/core'
import { redisLimits } from '@throughline/storage-redis'
import { describe, expect, it } from 'vitest'
import { canStartRedis, RedisServer } from '../../../test/fixtures/redis-server.ts'
import { inScratchDirectory } from '../../../test/fixtures/scratch-directory.ts'
import { until } from '../../../test/until.ts'
import { SINGLE } from './redis-clients.ts'

describe.skipIf(!canStartRedis())('limits of an app on Redis', { timeout: 30_000 }, () => {
  it.each(['ioredis 6', 'node-redis 6'])(
    "by %s are two processes' together, and go on alone while it is lost",
    async (name) => {
      const connect = SINGLE[name] as NonNullable<(typeof SINGLE)[string]>
      await inScratchDirectory(async (directory) => {
        const server = await RedisServer.create(directory)
        const clients = await Promise.all([connect(server.url), connect(server.url)])
        const apps = clients.map(({ client }) =>
          createThroughline({
            storage: combine(memoryStorage(), { limits: redisLimits({ client }) }),
            tenants: { load: (id) => ({ id }) },
            limits: { api: perDay(3), plenty: perDay(1_000_000) },
          }),
        )
        const consume = async (i: number, limit: 'api' | 'plenty', tenant = 'acme') => {
          const result = await apps[i]?.run({ tenant, actor: { id: 'ada' } }, () => apps[i]?.limits.consume(limit))
          return result?.outcome
        }
        try {
          const outcomes: unknown[] = []
          // Of a tenant for whom no answer was late: this machine may be busy.
          for (let n = 0; outcomes.length === 0 || outcomes.includes('degraded'); n++) {
            outcomes.length = 0
            for (const i of [0, 1, 0, 1]) outcomes.push(await consume(i, 'api', `tenant-${n}`))
          }
          expect(outcomes).toEqual(['allowed', 'allowed', 'allowed', 'refused'])
          await server.kill()
          await until(async () => (await consume(0, 'plenty')) === 'degraded')
          const began = performance.now()
          for (let n = 0; n < 20; n++) expect(await consume(0, 'plenty')).toBe('degraded')
          expect((performance.now() - began) / 20).toBeLessThan(50)
          await server.start()
          await until(async () => (await consume(0, 'plenty')) === 'allowed')
        } finally {
          await Promise.all(apps.map((it) => it.close()))
          await Promise.all(clients.map((it) => it.close()))
          await server.kill()
        }
      })
    },
  )
})
