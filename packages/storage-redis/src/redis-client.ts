/** What is used of an ioredis client: `Redis`, through Sentinel or not, or `Cluster`. */
export interface IoredisClient {
  readonly status: string
  evalsha(sha: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
}

/** What is used of a node-redis client: of `createClient`, `createClientPool`, `createCluster` or `createSentinel`. */
export interface NodeRedisClient {
  readonly isReady?: boolean
  readonly isOpen?: boolean
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** A client of the app's, which connects and closes it. */
export type RedisClient = IoredisClient | NodeRedisClient

export function isNodeRedis(client: RedisClient): client is NodeRedisClient {
  return typeof (client as Partial<NodeRedisClient>).evalSha === 'function'
}

export function isIoredis(client: RedisClient): client is IoredisClient {
  const { evalsha, status } = client as Partial<IoredisClient>
  return typeof evalsha === 'function' && typeof status === 'string'
}
