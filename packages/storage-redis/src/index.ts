export type { IoredisClient, NodeRedisClient, RedisClient } from './redis-client.ts'
export type { RedisLimitsOptions } from './redis-limits.ts'
export { redisLimits } from './redis-limits.ts'
