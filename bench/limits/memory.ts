import { createThroughline, perMinute } from '@throughline/core'
import { MemoryStore } from 'express-rate-limit'
import { RateLimiterMemory, RateLimiterUnion } from 'rate-limiter-flexible'
import { contest, cpuTime } from './contenders.ts'
import { benchNewKeys } from './new-keys.ts'
import { openContexts } from './open-contexts.ts'

const KEYS = 1_000
const CALLS = Number(process.env.BENCH_CALLS ?? 200_000)
/** Calls in one context before the next: a request asks more than once. */
const TOGETHER = 20
const MOST = 1e9

/** In memory, against rate-limiter-flexible and the store of express-rate-limit. */
export async function benchMemory(): Promise<Readonly<Record<'memory' | 'newKeys' | 'tenantAndUser', number>>> {
  const throughline = createThroughline({
    tenants: { load: (id: string) => ({ id, plan: 'free' }) },
    limits: { api: perMinute(1), both: [perMinute(MOST), perMinute(MOST, { by: 'actor' })] },
    plans: { free: { limits: { api: perMinute(2) } } },
  })
  await throughline.platform.run({ actor: { id: 'bench' }, reason: 'bench' }, async (platform) => {
    for (let i = 0; i < KEYS; i++) await platform.limits.override(`tenant-${i}`, 'api', perMinute(MOST))
  })
  const contexts = await openContexts(throughline, KEYS, (name: 'api' | 'both') => {
    for (let call = 0; call < TOGETHER; call++) {
      const result = throughline.limits.consume(name)
      if (!('allowed' in result) || !result.allowed) throw new Error(`${name} was refused`)
    }
  })
  const ours = (name: 'api' | 'both') => (calls: number) => {
    for (let i = 0; i < calls / TOGETHER; i++) contexts.calls[i % KEYS]?.(name)
  }
  const awaiting = await openContexts(throughline, KEYS, async (name: 'api' | 'both') => {
    for (let call = 0; call < TOGETHER; call++) {
      if (!(await throughline.limits.consume(name)).allowed) throw new Error(`${name} was refused`)
    }
  })
  const awaited = (name: 'api' | 'both') => async (calls: number) => {
    for (let i = 0; i < calls / TOGETHER; i++) await awaiting.calls[i % KEYS]?.(name)
  }
  const keys = Array.from({ length: KEYS }, (_, i) => `tenant-${i}`)
  const flexible = new RateLimiterMemory({ points: MOST, duration: 60 })
  const store = new MemoryStore()
  store.init({ windowMs: 60_000 } as Parameters<MemoryStore['init']>[0])
  const inTurn = (consume: (key: string) => Promise<unknown>) => async (calls: number) => {
    for (let i = 0; i < calls; i++) await consume(keys[Math.floor(i / TOGETHER) % KEYS] as string)
  }
  const one = await contest(
    `One limit, ${KEYS} keys, plan and override resolved`,
    CALLS,
    [
      { name: 'throughline', run: ours('api') },
      { name: 'throughline, awaited', run: awaited('api') },
      { name: 'rate-limiter-flexible memory', run: inTurn((key) => flexible.consume(key)) },
      { name: 'express-rate-limit MemoryStore', run: inTurn((key) => store.increment(key)) },
    ],
    cpuTime,
    'ns',
  )
  const union = new RateLimiterUnion(
    new RateLimiterMemory({ keyPrefix: 'tenant', points: MOST, duration: 60 }),
    new RateLimiterMemory({ keyPrefix: 'user', points: MOST, duration: 60 }),
  )
  const two = await contest(
    'Tenant and user together',
    CALLS,
    [
      { name: 'throughline', run: ours('both') },
      { name: 'throughline, awaited', run: awaited('both') },
      { name: 'rate-limiter-flexible Union', run: inTurn((key) => union.consume(key)) },
    ],
    cpuTime,
    'ns',
  )
  const newKeys = await benchNewKeys()
  await contexts.close()
  await awaiting.close()
  await throughline.close()
  return {
    memory:
      Math.min(one['rate-limiter-flexible memory'] as number, one['express-rate-limit MemoryStore'] as number) /
      (one.throughline as number),
    newKeys,
    tenantAndUser: (two['rate-limiter-flexible Union'] as number) / (two.throughline as number),
  }
}
