import { describe, expect, it } from 'vitest'
import { asTenant, testClock } from '../../src/testing/index.ts'

const INVALID = expect.objectContaining({ code: 'OPTIONS_INVALID' })

describe('testClock', () => {
  it('starts, moves on and moves to where it is told', () => {
    const clock = testClock(1_000)
    clock.advance(500)
    expect(clock.now()).toBe(1_500)
    clock.set('2026-02-01T00:00:00Z')
    expect(clock.now()).toBe(Date.parse('2026-02-01T00:00:00Z'))
    clock.set(new Date(7))
    expect(clock.now()).toBe(7)
  })

  it.each(['yesterday', '', Number.NaN, null, {}, new Date('never')])('refuses %s, which is no time', (time) => {
    const clock = testClock()
    const before = clock.now()
    expect(() => testClock(time as string)).toThrow(INVALID)
    expect(() => testClock(time as string)).toThrow('testClock: it takes a time')
    expect(() => clock.set(time as string)).toThrow('set: it takes a time')
    expect(clock.now()).toBe(before)
  })

  it('refuses to move on by what is no number', () => {
    const clock = testClock(5)
    for (const ms of [undefined, '1000', Number.NaN]) expect(() => clock.advance(ms as number)).toThrow(INVALID)
    expect(clock.now()).toBe(5)
  })
})

describe('asTenant', () => {
  it.each([
    [undefined],
    [''],
    [7],
    ['$platform'],
    ['acme', null],
    ['acme', { actor: null }],
    ['acme', { actor: { id: '' } }],
    ['acme', { actor: 'ada' }],
    ['acme', { id: 'ada', roles: ['admin'] }],
    ['acme', { actr: { id: 'ada' } }],
    ['acme', { actor: { id: 'ada', type: 'admin' } }],
  ])('refuses asTenant(%j, %j) where it is written', (...given) => {
    const call = asTenant as (...given: unknown[]) => unknown
    expect(() => call(...given)).toThrow(INVALID)
    expect(() => call(...given)).toThrow(/asTenant\('acme'|one of user, api_key, service, system/)
  })
})
