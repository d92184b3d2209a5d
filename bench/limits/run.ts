import { benchMemory } from './memory.ts'
import { benchRedis } from './redis.ts'

/**
 * Limits side by side with their peers, interleaved in one run. Ratios above 1 say that ours is faster: in memory by CPU
 * time, on Redis by calls a second at 100 under way.
 */
export async function benchLimits(): Promise<void> {
  const memory = await benchMemory()
  const redis = await benchRedis()
  const ratios = { ...memory, ...redis }
  const rounded = Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, Number(ratio.toFixed(3))]))
  console.log(JSON.stringify({ bench: 'limits', ratios: rounded }))
}
