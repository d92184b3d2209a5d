import type { RedisClient } from './redis-client.ts'
import { isIoredis } from './redis-client.ts'

/**
 * What is wrong with how a client waits for a lost server, in a sentence; undefined if nothing is, or if the client does
 * not say. Limits have to be decided now: what waits in a client is executed when nobody asks any more.
 */
export function endlessQueue(client: RedisClient): string | undefined {
  const { options } = client as { readonly options?: ClientOptions }
  if (!isIoredis(client) || options?.maxRetriesPerRequest !== null) return undefined
  return (
    'This ioredis client has `maxRetriesPerRequest: null`: what is under way when Redis is lost waits for it without end, ' +
    'and takes its units then. Give redisLimits a client of its own with `maxRetriesPerRequest: 1` and `commandTimeout: 1_000`.'
  )
}

interface ClientOptions {
  readonly maxRetriesPerRequest?: number | null
}
