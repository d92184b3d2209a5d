import type { LimitOperation, LimitRequest, RateOperation } from '@throughline/core/storage'
import { limitsContract } from '@throughline/core/testing'
import { redisLimits } from '@throughline/storage-redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limitsProperty } from '../../../test/limits-model/limits-commands.ts'
import { redisService } from '../../../test/services.ts'
import { type Connected, POOLED, SINGLE, withPrefix } from './redis-clients.ts'

const { url, isReachable } = await redisService()

describe.skipIf(!isReachable).each(Object.entries({ ...SINGLE, ...POOLED }))(
  'limits on Redis by %s',
  (name, connect) => {
    let connected: Connected
    beforeAll(async () => {
      connected = await connect(url)
    })
    afterAll(() => connected.close())

    it('hold the contract', async () => {
      await withPrefix(url, async (prefix) => {
        const limits = redisLimits({ client: connected.client, prefix, clock: 'caller' })
        const one = { limits, destroy: async () => undefined }
        const cases = limitsContract({ name, create: async () => one })
        expect(cases.length).toBeGreaterThan(10)
        for (const { run } of cases) await run()
      })
    })

    it('answer as the model does, whatever is asked', async () => {
      await withPrefix(url, async (prefix) => {
        const create = async () => ({
          limits: redisLimits({ client: connected.client, prefix, clock: 'caller' }),
          destroy: async () => undefined,
        })
        await limitsProperty(create, { runs: 25, clockGoesBack: true })
      })
    })

    it('read an answer that has come while this process was busy for longer than it may take', async () => {
      await withPrefix(url, async (prefix) => {
        const limits = redisLimits({ client: connected.client, prefix, answerWithinMs: 300 })
        const api = rate('acme', 'api', { weight: 400, capacity: 4_000 })
        expect((await limits.decide(take('acme', api), 0)).granted).toBe(1)
        const asked = limits.decide(take('acme', api), 0)
        // Once it is sent; then timers have their turn before the socket.
        await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
        expect((await asked).granted).toBe(1)
      })
    })

    it("go by the server's clock: units come back without anybody's saying so", async () => {
      await withPrefix(url, async (prefix) => {
        const limits = redisLimits({ client: connected.client, prefix })
        const api = rate('acme', 'api', { weight: 400, capacity: 400 })
        expect((await limits.decide(take('acme', api), 0)).granted).toBe(1)
        const refused = await limits.decide(take('acme', api), 9e15)
        expect(refused).toMatchObject({ granted: 0, decisions: [{ allowed: false, remaining: 0 }] })
        expect(refused.decisions[0]?.retryAfterMs).toBeLessThanOrEqual(400)
        await expect.poll(async () => (await limits.decide(take('acme', api), 0)).granted, { interval: 2 }).toBe(1)
      })
    })
  },
)

describe.skipIf(!isReachable)('keys on Redis', () => {
  const connect = SINGLE['ioredis 6'] as NonNullable<(typeof SINGLE)[string]>
  let connected: Connected
  beforeAll(async () => {
    connected = await connect(url)
  })
  afterAll(() => connected.close())

  it("are the tenant's, by its hash tag, and last no longer than what they hold", async () => {
    await withPrefix(url, async (prefix, keys) => {
      const limits = redisLimits({ client: connected.client, prefix })
      const operations: LimitOperation[] = [
        rate('acme', 'api', {}),
        { kind: 'window', key: 'acme\u0000reports', limit: 10, windowMs: 60_000, cost: 1 },
        { kind: 'concurrency', key: 'acme\u0000jobs', limit: 10, cost: 1, ttlMs: 30_000 },
      ]
      const request = { group: 'acme', operations, units: 1, mode: 'take', lease: 'job-1' } as const
      await limits.decide(request, 0)
      const names = [
        `${prefix}:{acme}:api`,
        `${prefix}:{acme}:jobs`,
        `${prefix}:{acme}:reports`,
        `${prefix}:{acme}=jobs`,
      ]
      expect(await keys.all()).toEqual([...names].sort())
      const left = await Promise.all(names.map((key) => keys.redis.pttl(key)))
      // A second longer than until it is free.
      for (const [i, most] of [1_600, 31_000, 121_000, 31_000].entries()) {
        expect(left[i]).toBeGreaterThan(0)
        expect(left[i]).toBeLessThanOrEqual(most)
      }
      await limits.renew(request, 0)
      await limits.refund(request, 0)
      expect(await keys.all()).toEqual([])
    })
  })

  it.each([
    ['acme', 'other'],
    ['a}b', 'a'],
    ['a}b', 'a%7Db'],
    ['{acme}', '{acme'],
    ['', '%'],
  ])('of %j and of %j are never the same, and on one slot each', async (group, other) => {
    await withPrefix(url, async (prefix, keys) => {
      const limits = redisLimits({ client: connected.client, prefix })
      for (const it of [group, other]) {
        expect((await limits.decide(take(it, rate(it, 'api', { capacity: 600 })), 0)).granted).toBe(1)
        expect((await limits.decide(take(it, rate(it, 'x}y', { capacity: 600 })), 0)).granted).toBe(1)
      }
      const names = await keys.all()
      expect(names).toHaveLength(4)
      expect(new Set(names.map(hashed)).size).toBe(2)
    })
  })

  it("that hold what is not ours count for nothing and are replaced, to nobody else's harm", async () => {
    await withPrefix(url, async (prefix, keys) => {
      const limits = redisLimits({ client: connected.client, prefix })
      for (const name of ['api', 'jobs', 'week']) await keys.redis.rpush(`${prefix}:{acme}:${name}`, 'a list')
      await keys.redis.set(`${prefix}:{acme}:hour`, 'a text')
      const operations: LimitOperation[] = [
        rate('acme', 'api', {}),
        rate('acme', 'hour', {}),
        { kind: 'window', key: 'acme\u0000week', limit: 10, windowMs: 60_000, cost: 1 },
        { kind: 'concurrency', key: 'acme\u0000jobs', limit: 10, cost: 1, ttlMs: 30_000 },
      ]
      const foreign = { group: 'acme', operations, units: 1, mode: 'take', lease: 'job-1' } as const
      const answers = await Promise.all([
        limits.decide(foreign, 0),
        limits.decide(take('globex', rate('globex', 'api', {})), 0),
      ])
      expect(answers.map(({ granted }) => granted)).toEqual([1, 1])
      expect((await limits.decide(foreign, 0)).decisions.map(({ remaining }) => remaining)).toEqual([98, 98, 8, 9])
    })
  })
})

function rate(group: string, name: string, numbers: Partial<RateOperation>): RateOperation {
  return { kind: 'rate', key: `${group}\u0000${name}`, perMs: 1, weight: 600, capacity: 60_000, cost: 1, ...numbers }
}

function take(group: string, ...operations: readonly LimitOperation[]): LimitRequest {
  return { group, operations, units: 1, mode: 'take' }
}

/** What Redis Cluster hashes of a key, as its specification says. */
function hashed(key: string): string {
  const open = key.indexOf('{')
  const close = key.indexOf('}', open + 1)
  return open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key
}
