import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limitsContract } from '@throughline/core/testing'
import { redisLimits } from '@throughline/storage-redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisCluster } from '../../../test/fixtures/redis-cluster.ts'
import { canStartRedis } from '../../../test/fixtures/redis-server.ts'
import { limitsProperty } from '../../../test/limits-model/limits-commands.ts'
import { countingClient } from './counting-client.ts'
import { CLUSTER } from './redis-clients.ts'
import { takeOne } from './take-one.ts'

describe.skipIf(!canStartRedis())('a Redis Cluster of three masters', { timeout: 60_000 }, () => {
  let directory: string
  let cluster: RedisCluster
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'throughline-test-'))
    cluster = await RedisCluster.create(directory)
  }, 60_000)
  afterAll(async () => {
    await cluster?.end()
    await rm(directory, { recursive: true, force: true })
  })

  it.each(Object.entries(CLUSTER))('holds the contract by %s', async (name, connect) => {
    const { client, close } = await connect(cluster.urls)
    try {
      const create = async () => ({
        limits: redisLimits({ client, prefix: name, clock: 'caller' }),
        destroy: async () => undefined,
      })
      for (const { run } of limitsContract({ name, create })) await run()
      await limitsProperty(create, { runs: 10, clockGoesBack: true })
    } finally {
      await close()
    }
  })

  it.each(Object.entries(CLUSTER))('decides for many tenants at once by %s, on all masters', async (name, connect) => {
    const { client, close } = await connect(cluster.urls)
    try {
      const counting = countingClient(client)
      const limits = redisLimits({ client: counting.client, prefix: `many-${name}` })
      const tenants = Array.from({ length: 60 }, (_, i) => `tenant-${i}`)
      for (let turn = 1; turn <= 3; turn++) {
        const calls = counting.calls()
        const answers = await Promise.all(tenants.map((tenant) => limits.decide(takeOne(tenant, 3), 0)))
        expect(answers.map(({ decisions }) => decisions[0]?.remaining)).toEqual(tenants.map(() => 3 - turn))
        expect(counting.calls() - calls).toBeGreaterThanOrEqual(tenants.length)
      }
      const keys = await Promise.all(cluster.masters.map((it) => it.command('DBSIZE')))
      for (const size of keys) expect(Number(size.slice(1))).toBeGreaterThan(0)
    } finally {
      await close()
    }
  })
})
