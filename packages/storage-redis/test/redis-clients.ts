import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { RedisClient } from '@throughline/storage-redis'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { createClient, createClientPool, createCluster } from 'redis'
import { createClient as createClient5, createCluster as createCluster5 } from 'redis5'

/** A connected client, and how it is closed. */
export interface Connected {
  readonly client: RedisClient
  close(): Promise<void>
}

/** Clients of one server by name. */
export const SINGLE: Readonly<Record<string, (url: string) => Promise<Connected>>> = {
  async 'ioredis 6'(url) {
    const client = new Redis(url).on('error', () => undefined)
    await once(client, 'ready')
    return { client, close: async () => client.disconnect() }
  },
  async 'node-redis 6'(url) {
    const client = createClient({ url }).on('error', () => undefined)
    await client.connect()
    return { client, close: async () => client.destroy() }
  },
  async 'ioredis 5'(url) {
    const client = new Redis5(url).on('error', () => undefined)
    await once(client, 'ready')
    return { client, close: async () => client.disconnect() }
  },
  async 'node-redis 5'(url) {
    const client = createClient5({ url }).on('error', () => undefined)
    await client.connect()
    return { client, close: async () => client.destroy() }
  },
}

/** A pool, which does not say whether it is connected. */
export const POOLED: typeof SINGLE = {
  async 'a pool of node-redis 6'(url) {
    const client = createClientPool({ url }).on('error', () => undefined)
    await client.connect()
    return { client, close: async () => client.destroy() }
  },
}

/** Clients of a cluster by name. */
export const CLUSTER: Readonly<Record<string, (urls: readonly string[]) => Promise<Connected>>> = {
  async 'ioredis 6'(urls) {
    const client = new Cluster([...urls]).on('error', () => undefined)
    await once(client, 'ready')
    return { client, close: async () => client.disconnect() }
  },
  async 'node-redis 6'(urls) {
    const client = createCluster({ rootNodes: urls.map((url) => ({ url })) })
    client.on('error', () => undefined)
    await client.connect()
    return { client, close: async () => client.destroy() }
  },
  async 'ioredis 5'(urls) {
    const client = new Cluster5([...urls]).on('error', () => undefined)
    await once(client, 'ready')
    return { client, close: async () => client.disconnect() }
  },
  async 'node-redis 5'(urls) {
    const client = createCluster5({ rootNodes: urls.map((url) => ({ url })) })
    client.on('error', () => undefined)
    await client.connect()
    return { client, close: async () => client.destroy() }
  },
}

/** Runs a test with a key prefix of its own, of which nothing is left afterwards. */
export async function withPrefix<R>(url: string, run: (prefix: string, keys: RedisKeys) => Promise<R>): Promise<R> {
  const prefix = `test-${randomUUID()}`
  const redis = new Redis(url)
  const keys = new RedisKeys(redis, prefix)
  try {
    return await run(prefix, keys)
  } finally {
    for (const key of await keys.all()) await redis.del(key)
    redis.disconnect()
  }
}

/** What is under a prefix, seen from beside. */
export class RedisKeys {
  readonly redis: Redis
  readonly #prefix: string

  constructor(redis: Redis, prefix: string) {
    this.redis = redis
    this.#prefix = prefix
  }

  async all(): Promise<readonly string[]> {
    const found: string[] = []
    let cursor = '0'
    do {
      const [next, keys] = await this.redis.scan(cursor, 'MATCH', `${this.#prefix}*`, 'COUNT', 1_000)
      found.push(...keys)
      cursor = next
    } while (cursor !== '0')
    return found.sort()
  }
}
