import type { LimitsStore } from '@throughline/core/storage'
import { type RedisClient, redisLimits } from '@throughline/storage-redis'

/** Where limits are, for a process of a test. */
export interface LimitsPlace {
  readonly by: 'ioredis' | 'node-redis'
  /** Of one server, or of the masters of a cluster. */
  readonly urls: readonly string[]
  readonly prefix: string
}

/** @param place a `LimitsPlace` as JSON */
export async function openLimits(place: string): Promise<{ limits: LimitsStore; close(): Promise<void> }> {
  const { by, urls, prefix } = JSON.parse(place) as LimitsPlace
  const { client, close } = await (by === 'ioredis' ? openIoredis(urls) : openNodeRedis(urls))
  return { limits: redisLimits({ client, prefix }), close }
}

type Opened = Promise<{ client: RedisClient; close(): Promise<void> }>

// Each process loads the client it needs only.
async function openIoredis(urls: readonly string[]): Opened {
  const { Cluster, Redis } = await import('ioredis')
  const client = urls.length > 1 ? new Cluster([...urls]) : new Redis(urls[0] ?? '')
  return { client, close: async () => client.disconnect() }
}

async function openNodeRedis(urls: readonly string[]): Opened {
  const { createClient, createCluster } = await import('redis')
  const nodes = urls.map((url) => ({ url }))
  const client = urls.length > 1 ? createCluster({ rootNodes: nodes }) : createClient(nodes[0] ?? {})
  client.on('error', () => undefined)
  await client.connect()
  return { client, close: async () => client.destroy() }
}
