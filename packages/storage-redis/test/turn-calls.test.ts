import { redisLimits } from '@throughline/storage-redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisService } from '../../../test/services.ts'
import { until } from '../../../test/until.ts'
import { countingClient } from './counting-client.ts'
import { type Connected, SINGLE, withPrefix } from './redis-clients.ts'
import { takeOne } from './take-one.ts'

const { url, isReachable } = await redisService()
const TENANTS = Array.from({ length: 80 }, (_, i) => `tenant-${i}`)

describe.skipIf(!isReachable).each(['ioredis 6', 'node-redis 6'])('decisions of one turn, by %s', (name) => {
  let connected: Connected
  beforeAll(async () => {
    connected = await (SINGLE[name] as NonNullable<(typeof SINGLE)[string]>)(url)
  })
  afterAll(() => connected.close())

  it('of one tenant share a call, and are decided in their order', async () => {
    await withPrefix(url, async (prefix) => {
      const { client, calls } = countingClient(connected.client)
      const limits = redisLimits({ client, prefix })
      await limits.decide(takeOne('warm', 1), 0)
      const before = calls()
      const answers = await Promise.all(Array.from({ length: 5 }, () => limits.decide(takeOne('acme', 3), 0)))
      expect(calls() - before).toBe(1)
      expect(answers.map(({ granted, decisions }) => [granted, decisions[0]?.remaining])).toEqual([
        [1, 2],
        [1, 1],
        [1, 0],
        [0, 0],
        [0, 0],
      ])
    })
  })

  it('of all tenants share one, once it is known that all keys are on one server', async () => {
    await withPrefix(url, async (prefix) => {
      const { client, calls } = countingClient(connected.client)
      const limits = redisLimits({ client, prefix })
      const turn = async () => {
        const before = calls()
        const answers = await Promise.all(TENANTS.map((tenant) => limits.decide(takeOne(tenant, 1_000), 0)))
        return { calls: calls() - before, left: new Set(answers.map(({ decisions }) => decisions[0]?.remaining)) }
      }
      // Not known yet: one for each.
      const first = await turn()
      expect(first.calls).toBeGreaterThanOrEqual(TENANTS.length)
      expect(first.left).toEqual(new Set([999]))
      let last = first
      let turns = 1
      await until(async () => {
        last = await turn()
        turns += 1
        return last.calls === 1
      })
      expect(last.left).toEqual(new Set([1_000 - turns]))
    })
  })

  it('are no more in a call than the server may be held up for', async () => {
    await withPrefix(url, async (prefix) => {
      const { client, calls } = countingClient(connected.client)
      const limits = redisLimits({ client, prefix })
      await limits.decide(takeOne('warm', 1), 0)
      const before = calls()
      const answers = await Promise.all(Array.from({ length: 950 }, () => limits.decide(takeOne('acme', 1_000), 0)))
      expect(calls() - before).toBe(10)
      expect(answers.map(({ decisions }) => decisions[0]?.remaining)).toEqual(answers.map((_, i) => 999 - i))
    })
  })
})

describe('a server that has become a cluster', () => {
  it('refuses one turn, and is asked for each tenant alone from then on', async () => {
    const sizes: number[] = []
    let isCluster = false
    const evalSha = async (_: string, { keys, arguments: args }: { keys: string[]; arguments: string[] }) => {
      if (args.length === 0) return 'one'
      sizes.push(keys.length)
      if (isCluster && keys.length > 1) throw new Error("CROSSSLOT Keys in request don't hash to the same slot")
      return [1, ...keys.flatMap(() => [1, 0])]
    }
    const limits = redisLimits({ client: { isReady: true, evalSha, eval: evalSha } })
    const turn = () => Promise.all(['a', 'b'].map((tenant) => limits.decide(takeOne(tenant, 1), 0)))
    await turn()
    await until(async () => {
      await turn()
      return sizes.at(-1) === 2
    })
    isCluster = true
    await expect(turn()).rejects.toThrow('CROSSSLOT')
    await turn()
    await turn()
    expect(sizes.slice(-5)).toEqual([2, 1, 1, 1, 1])
  })
})
