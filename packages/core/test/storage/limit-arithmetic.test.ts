import { describe, expect, it } from 'vitest'
import { debtAt, inWeight, MOST_DEBT, mostUnits, weightedUse, windowAt } from '../../src/storage/limit-arithmetic.ts'

describe('debtAt', () => {
  const policy = { perMs: 2, weight: 100 }

  it('falls each ms, to nothing, and stands still while the clock is behind', () => {
    expect([900, 1_000, 1_040, 1_050, 1e15].map((now) => debtAt(100, 1_000, 100, 2, policy, now))).toEqual([
      100, 100, 20, 0, 0,
    ])
  })

  it('counts units of a changed policy on, falling at the faster of both rates', () => {
    expect(debtAt(300, 0, 300, 1, policy, 0)).toBe(100)
    expect(debtAt(300, 0, 300, 1, policy, 10)).toBe(80)
    expect(debtAt(300, 0, 300, 100, policy, 2)).toBe(34)
    expect(debtAt(300, 0, 300, 100, policy, 3)).toBe(0)
    expect(debtAt(100, 0, 100, 50, policy, 1)).toBe(50)
  })

  it('stays below 2^53, whatever the weights', () => {
    expect(inWeight(MOST_DEBT, 1, 31_622_400_000)).toBe(MOST_DEBT)
  })
})

describe('windowAt', () => {
  const stored = { start: 60_000, current: 4, previous: 8 }

  it('goes on, and stands still while the clock is behind', () => {
    expect(windowAt(stored, 60_000, 60_000, 119_999)).toBe(stored)
    expect(windowAt(stored, 60_000, 60_000, 1)).toBe(stored)
    expect(windowAt(stored, 60_000, 60_000, 120_000)).toEqual({ start: 120_000, current: 0, previous: 4 })
    expect(windowAt(stored, 60_000, 60_000, 180_000)).toEqual({ start: 180_000, current: 0, previous: 0 })
    expect(weightedUse(stored, 60_000, 1)).toBe(12 * 60_000)
  })

  it('counts what was used on when its length changes, no earlier than it was used', () => {
    expect(windowAt(stored, 60_000, 10_000, 97_000)).toEqual({ start: 90_000, current: 8, previous: 0 })
    expect(windowAt(stored, 60_000, 10_000, 1)).toEqual({ start: 60_000, current: 12, previous: 0 })
  })

  it('counts no more units than can be weighed exactly', () => {
    const full = { start: 0, current: MOST_DEBT, previous: 0 }
    const changed = windowAt(full, 1, 31_622_400_000, 0)
    expect(changed.current).toBe(mostUnits(31_622_400_000))
    expect(weightedUse(changed, 31_622_400_000, 0)).toBeLessThanOrEqual(MOST_DEBT)
  })
})
