import { once } from 'node:events'
import { ThroughlineError } from '@throughline/core'
import type { RedisLimitsOptions } from '@throughline/storage-redis'
import { redisLimits } from '@throughline/storage-redis'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, it } from 'vitest'

const client = createClient()

describe('options of redisLimits', () => {
  it.each([
    [undefined, /It takes \{ client \}/],
    [{}, /"client" must be a client of ioredis or node-redis/],
    [{ client: { get: () => '' } }, /"client" must be/],
    [{ client, prefixx: 'a' }, /"prefixx" is no option. Did you mean "prefix"\?/],
    [{ client, prefix: 'a{b}' }, /"prefix" must be a text without braces/],
    [{ client, clock: 'mine' }, /"clock" must be "server" or "caller"/],
    [{ client, answerWithinMs: 0 }, /"answerWithinMs" must be a whole number above 0/],
  ])('%j are refused in words', (options, words) => {
    const make = () => redisLimits(options as RedisLimitsOptions)
    expect(make).toThrow(ThroughlineError)
    expect(make).toThrow(words)
    expect(make).toThrow(/^OPTIONS_INVALID/)
  })

  it('warn of a client that waits for a lost server without end', async () => {
    const endless = new Redis({ lazyConnect: true, maxRetriesPerRequest: null })
    const warned = once(process, 'warning') as Promise<[Error & { code?: string }]>
    redisLimits({ client: endless })
    const [warning] = await warned
    expect(warning).toMatchObject({ name: 'ThroughlineWarning', code: 'REDIS_QUEUE_ENDLESS' })
    expect(warning.message).toContain('maxRetriesPerRequest: 1')
  })

  it('make a store that neither connects nor closes the client', async () => {
    const lazy = new Redis({ lazyConnect: true })
    await redisLimits({ client: lazy }).close()
    expect(lazy.status).toBe('wait')
  })
})
