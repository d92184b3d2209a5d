import { describe, expect, it } from 'vitest'
import { remembered } from '../../src/flags/remembered.ts'

function counted() {
  const asked: string[] = []
  const lengthOf = remembered(3, (text) => {
    asked.push(text.slice(0, 5))
    return text.length
  })
  return { asked, lengthOf }
}

describe('what is remembered', () => {
  it('is answered once, be it nothing', () => {
    const { asked, lengthOf } = counted()
    expect(['', 'a', 'bb', 'a', '', 'bb'].map(lengthOf)).toEqual([0, 1, 2, 1, 0, 2])
    expect(asked).toEqual(['', 'a', 'bb'])
    let times = 0
    const isNumber = remembered(3, () => {
      times++
      return Number.NaN
    })
    expect([isNumber('x'), isNumber('x'), times]).toEqual([Number.NaN, Number.NaN, 1])
  })

  it('is bounded in number and length', () => {
    const { asked, lengthOf } = counted()
    for (const text of ['a', 'b', 'c', 'd', 'd', 'a']) expect(lengthOf(text)).toBe(1)
    expect(asked).toEqual(['a', 'b', 'c', 'd', 'a'])
    for (let i = 0; i < 2; i++) expect(lengthOf('x'.repeat(257))).toBe(257)
    expect(asked.slice(-2)).toEqual(['xxxxx', 'xxxxx'])
  })
})
