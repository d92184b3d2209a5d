import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import type { LimitOperation, RateOperation } from '../../src/storage/limits.ts'
import { memoryLimits } from '../../src/storage/memory-limits.ts'

const KEYS = 10_000_000
/** How long what is taken of a key counts: there are always more such keys than may be kept. */
const HALF_HOUR = 30 * 60_000
const START = 1_760_000_000_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const usedMb = (): number => {
  collect()
  const { used_heap_size, external_memory } = getHeapStatistics()
  return (used_heap_size + external_memory) / 2 ** 20
}

it('10 million distinct keys take no more memory than 100,000, and hot keys stay exact', () => {
  const limits = memoryLimits()
  const take = (operation: LimitOperation, now: number): boolean =>
    limits.decide({ group: 'acme', operations: [operation], units: 1, mode: 'take', lease: 'a' }, now).granted > 0
  // 100 an hour, and the windows of it; asked far more often than it lets pass.
  const hot: RateOperation = { kind: 'rate', key: 'hot', perMs: 1, weight: 36_000, capacity: 3_600_000, cost: 1 }
  const day: LimitOperation = { kind: 'window', key: 'day', limit: 10, windowMs: 86_400_000, cost: 1 }
  const held: LimitOperation = { kind: 'concurrency', key: 'held', limit: 1, cost: 1, ttlMs: 86_400_000 }
  let [passed, today, leases] = [0, 0, 0]
  const before = usedMb()
  let early = 0
  for (let i = 0; i < KEYS; i++) {
    const now = START + i
    const key = `made-up-${i}`
    if (i % 3 === 0) take({ kind: 'rate', key, perMs: 1, weight: HALF_HOUR, capacity: 60 * HALF_HOUR, cost: 1 }, now)
    else if (i % 3 === 1) take({ kind: 'window', key, limit: 10, windowMs: HALF_HOUR, cost: 1 }, now)
    else take({ kind: 'concurrency', key, limit: 2, cost: 1, ttlMs: HALF_HOUR }, now)
    if (i % 100 === 0) {
      if (take(hot, now)) passed += 1
      if (take(day, now)) today += 1
      if (limits.decide({ group: 'acme', operations: [held], units: 1, mode: 'take', lease: String(i) }, now).granted) {
        leases += 1
      }
    }
    if (i === KEYS / 50) early = usedMb()
  }
  const late = usedMb()
  console.log(
    `MB: ${before.toFixed(0)} before, ${early.toFixed(0)} after ${KEYS / 50} keys, ${late.toFixed(0)} after all`,
  )
  expect(limits.size).toBe(300_000)
  expect(late).toBeLessThan(before + 150)
  // Time ran for 10,000,000 ms from START, in steps of 100 for these: the burst, and what came due.
  expect(passed).toBe(Math.floor((3_600_000 + KEYS - 100) / 36_000))
  expect([today, leases]).toEqual([10, 1])
})
