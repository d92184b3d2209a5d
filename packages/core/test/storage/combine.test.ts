import { describe, expect, it } from 'vitest'
import { combine } from '../../src/storage/combine.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { memoryLimits } from '../../src/storage/memory-limits.ts'

describe('combine', () => {
  it('takes the records of one storage and the limits of another store', () => {
    const storage = memoryStorage()
    const limits = memoryLimits()
    expect(combine(storage, { limits })).toEqual({ records: storage.records, limits })
  })

  it('refuses any other split, by name', () => {
    const limits = memoryLimits()
    expect(() => combine(memoryStorage(), { limits, audit: {} } as { limits: typeof limits })).toThrow(/not "audit"/)
    expect(() => combine(memoryStorage(), { limit: limits } as never)).toThrow(/Did you mean "limits"/)
    expect(() => combine(memoryStorage(), {} as never)).toThrow(/needs a limits store/)
  })
  it('refuses what is no storage, or no parts, and shows a right call', () => {
    const call = combine as (...given: unknown[]) => unknown
    for (const given of [[], [undefined, {}], [{}, {}], [memoryStorage()], [memoryStorage(), null]]) {
      expect(() => call(...given)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
      expect(() => call(...given)).toThrow('combine(knexStorage({ app }), { limits: memoryLimits() })')
    }
  })
})
