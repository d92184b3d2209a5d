import { isMainThread, workerData } from 'node:worker_threads'
import { memoryLimits } from '@throughline/core/storage'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Contender } from './contenders.ts'
import { contest, cpuTime } from './contenders.ts'
import { answerRuns, inOwnHeap } from './own-heap.ts'

const CALLS = Number(process.env.BENCH_CALLS ?? 200_000) / 4
const OURS = 'throughline memoryLimits'
const FLEXIBLE = 'rate-limiter-flexible memory'
const CONTENDERS: Readonly<Record<string, () => Omit<Contender, 'name'>>> = { [OURS]: ours, [FLEXIBLE]: flexible }

/** A key that was never seen, each time: of the stores, without a context around it. */
export async function benchNewKeys(): Promise<number> {
  const contenders = Object.keys(CONTENDERS).map((name) => inOwnHeap(import.meta.url, name))
  const medians = await contest('Always new keys', CALLS, contenders, cpuTime, 'ns')
  for (const contender of contenders) await contender.close()
  return (medians[FLEXIBLE] as number) / (medians[OURS] as number)
}

/** One store for all runs, at its bound from the second on: for each key that comes one goes. */
function ours(): Omit<Contender, 'name'> {
  const limits = memoryLimits({ maxKeys: CALLS })
  let made = 0
  return {
    run(calls) {
      for (let i = 0; i < calls; i++) {
        const key = `acme\u0000${made++}`
        const operation = { kind: 'rate', key, perMs: 1, weight: 600, capacity: 60_000, cost: 1 } as const
        limits.decide({ group: 'acme', operations: [operation], units: 1, mode: 'take' }, Date.now())
      }
    },
  }
}

/** Without the keys of the runs before: what it keeps of them, a timer for each, is not what a call costs. */
function flexible(): Omit<Contender, 'name'> {
  const limiter = new RateLimiterMemory({ points: 100, duration: 60 })
  let made = 0
  return {
    async run(calls) {
      for (let i = 0; i < calls; i++) await limiter.consume(`acme\u0000${made++}`)
    },
    async after(calls) {
      for (let i = made - calls; i < made; i++) await limiter.delete(`acme\u0000${i}`)
    },
  }
}

if (!isMainThread) answerRuns((CONTENDERS[workerData as string] as () => Omit<Contender, 'name'>)())
