import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../src/clock.ts'

const START = Date.parse('2026-11-05T12:00:00Z')
const HOUR = 3_600_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: START })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('systemClock', () => {
  it('is the time of day', () => {
    const clock = systemClock()
    expect(clock.now()).toBe(START)
    vi.advanceTimersByTime(1_500)
    expect(clock.now()).toBe(START + 1_500)
  })

  it('neither goes back nor stands still when the time of day is set back, and meets it again', () => {
    const clock = systemClock()
    clock.now()
    vi.setSystemTime(START - HOUR)
    expect(clock.now()).toBe(START)
    vi.advanceTimersByTime(60_000)
    expect(clock.now()).toBe(START + 30_000)
    vi.advanceTimersByTime(2 * HOUR)
    expect(clock.now()).toBe(Date.now())
    vi.advanceTimersByTime(1_000)
    expect(clock.now()).toBe(Date.now())
  })
})
