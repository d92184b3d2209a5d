import { createThroughline, perMinute } from '@throughline/core'
import { combine, memoryStorage } from '@throughline/core/storage'
import { redisLimits } from '@throughline/storage-redis'
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { contest, wallTime } from './contenders.ts'
import { openContexts } from './open-contexts.ts'

const CALLS = Number(process.env.BENCH_REDIS_CALLS ?? 20_000)
const UNDER_WAY = 100
const TENANTS = 50
const MOST = 1e9
/** As little as a script of two keys can do: reads both and writes both. */
const BARE = `local a, b = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return { 1, 2 }`

/** On Redis, tenant and user together, against two calls of rate-limiter-flexible and a bare EVALSHA. */
export async function benchRedis(): Promise<Readonly<Record<'redis' | 'redisOfEvalsha' | 'leases', number>>> {
  const url = process.env.THROUGHLINE_BENCH_REDIS ?? 'redis://127.0.0.1:6379'
  const prefix = `throughline-bench-${process.pid}`
  const connect = () => new Redis(url, { maxRetriesPerRequest: 1, commandTimeout: 5_000 })
  const [ours, theirs, bare] = [connect(), connect(), connect()]
  const lease = { ms: 250, units: 100 }
  const throughline = createThroughline({
    storage: combine(memoryStorage(), { limits: redisLimits({ client: ours, prefix }) }),
    tenants: { load: (id: string) => ({ id }) },
    limits: {
      both: [perMinute(MOST), perMinute(MOST, { by: 'actor' })],
      leased: [perMinute(MOST, { lease }), perMinute(MOST, { by: 'actor', lease })],
    },
    limiting: { timeoutMs: 5_000 },
  })
  const contexts = await openContexts(throughline, TENANTS, async (name: 'both' | 'leased', calls: number) => {
    for (let call = 0; call < calls; call++) {
      const { allowed, degraded } = await throughline.limits.consume(name)
      if (!allowed || degraded) throw new Error(`${name}: allowed ${allowed}, degraded ${degraded}`)
    }
  })
  const consume = (name: 'both' | 'leased') => underWay((tenant, calls) => contexts.calls[tenant]?.(name, calls))
  const limiter = (keyPrefix: string) =>
    new RateLimiterRedis({ storeClient: theirs, keyPrefix: `${prefix}:${keyPrefix}`, points: MOST, duration: 60 })
  const [tenant, user] = [limiter('tenant'), limiter('user')]
  const sha = (await bare.script('LOAD', BARE)) as string
  try {
    const medians = await contest(
      `Redis, tenant and user, ${UNDER_WAY} under way`,
      CALLS,
      [
        { name: 'throughline', run: consume('both') },
        {
          name: 'rate-limiter-flexible, two calls',
          run: underWay(async (i, calls) => {
            for (let call = 0; call < calls; call++) {
              await tenant.consume(`tenant-${i}`)
              await user.consume(`user-${i}`)
            }
          }),
        },
        {
          name: 'bare EVALSHA',
          run: underWay(async (i, calls) => {
            const group = `${prefix}:{tenant-${i}}`
            for (let call = 0; call < calls; call++) {
              await bare.evalsha(sha, 2, `${group}:bare`, `${group}:bare:user`, '1', '60000')
            }
          }),
        },
        { name: 'throughline, leases', run: consume('leased') },
      ],
      wallTime,
      'µs',
    )
    const of = (name: string): number => medians[name] as number
    return {
      redis: of('rate-limiter-flexible, two calls') / of('throughline'),
      redisOfEvalsha: of('bare EVALSHA') / of('throughline'),
      leases: of('throughline') / of('throughline, leases'),
    }
  } finally {
    await contexts.close()
    await throughline.close()
    for await (const keys of theirs.scanStream({ match: `${prefix}*`, count: 1_000 })) {
      if (keys.length > 0) await theirs.unlink(...(keys as string[]))
    }
    await Promise.all([ours.quit(), theirs.quit(), bare.quit()])
  }
}

/** So many workers at once, each of them in the context of one tenant, as a request is, with its part of the calls. */
function underWay(
  work: (tenant: number, calls: number) => Promise<void> | undefined,
): (calls: number) => Promise<void> {
  return async (calls) => {
    const workers = Array.from({ length: UNDER_WAY }, (_, i) => work(i % TENANTS, calls / UNDER_WAY))
    await Promise.all(workers)
  }
}
