import { afterEach, expect, it, vi } from 'vitest'
import { ThroughlineError } from '../src/errors.ts'
import { failureLog } from '../src/failure-log.ts'

afterEach(() => {
  vi.useRealTimers()
})

it('says of each kind of failure at once that there was one, and then now and then how many more', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const lines: [string, unknown][] = []
  const say = failureLog({ warn: (message, error) => lines.push([message, error]) })
  const away = (): ThroughlineError => new ThroughlineError('RECORDS_UNAVAILABLE', { cause: new Error('away') })
  const first = away()
  say(first)
  for (let i = 0; i < 41; i++) say(away())
  const other = new ThroughlineError('RECORDS_FULL')
  say(other)
  expect(lines).toEqual([
    [expect.stringMatching(/^throughline: RECORDS_UNAVAILABLE: .* \(away\)$/), first],
    [expect.stringMatching(/^throughline: RECORDS_FULL: /), other],
  ])
  vi.advanceTimersByTime(10_000)
  const later = away()
  say(later)
  say('what is no error')
  expect(lines.slice(2)).toEqual([
    [expect.stringMatching(/^throughline: 42 times since it was said last: RECORDS_UNAVAILABLE: /), later],
    ['throughline: what is no error', 'what is no error'],
  ])
})

it('remembers a bounded number of kinds', () => {
  let count = 0
  const say = failureLog({ warn: () => void count++ })
  for (let round = 0; round < 2; round++) for (let i = 0; i < 150; i++) say(new Error(`failure ${i}`))
  expect(count).toBe(300)
})
