import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { periodOf } from '../../src/usage/index.ts'

describe('periodOf', () => {
  it('is a calendar day or month in UTC', () => {
    const now = Date.parse('2026-12-31T23:59:59.999Z')
    expect(periodOf(now, 'month')).toEqual({
      key: '2026-12',
      from: Date.parse('2026-12-01'),
      to: Date.parse('2027-01-01'),
    })
    expect(periodOf(now, 'day')).toEqual({ key: '2026-12-31', from: Date.parse('2026-12-31'), to: now + 1 })
    expect(periodOf(Date.parse('2028-02-29T12:00:00Z'), 'month').to).toBe(Date.parse('2028-03-01'))
  })

  it('covers every moment once', () => {
    const moment = fc.integer({ min: 0, max: Date.parse('2100-01-01') })
    fc.assert(
      fc.property(moment, fc.constantFrom('day' as const, 'month' as const), (now, unit) => {
        const period = periodOf(now, unit)
        expect(period.from <= now && now < period.to).toBe(true)
        expect(periodOf(period.from, unit)).toEqual(period)
        expect(periodOf(period.to, unit).from).toBe(period.to)
      }),
    )
  })
})
