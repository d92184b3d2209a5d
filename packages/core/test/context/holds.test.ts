import { describe, expect, it } from 'vitest'
import type { ScopeHold } from '../../src/context/holds.ts'
import { Holds } from '../../src/context/holds.ts'

function setUp() {
  const decided: string[] = []
  const hold = (name: string): ScopeHold => ({
    keep: () => void decided.push(`${name} kept`),
    release: () => void decided.push(`${name} released`),
  })
  return { holds: new Holds(), decided, hold }
}

describe('what is reserved for a context', () => {
  it('is decided once, all of it, in the order in which it was reserved', () => {
    const { holds, decided, hold } = setUp()
    holds.add([hold('a'), hold('b')])
    holds.add([hold('c')])
    holds.add([])
    expect(decided).toEqual([])
    holds.decide(true)
    expect(decided).toEqual(['a kept', 'b kept', 'c kept'])
    holds.decide(true)
    expect(decided).toHaveLength(3)
  })

  it('is decided at once where it comes later', () => {
    const { holds, decided, hold } = setUp()
    holds.decide(false)
    holds.add([hold('late')])
    expect(decided).toEqual(['late released'])
  })

  it('takes nothing of the list in which it came', () => {
    const { holds, hold } = setUp()
    const first = Object.freeze([hold('a')])
    holds.add(first)
    holds.add([hold('b')])
    holds.decide(true)
    expect(first).toHaveLength(1)
  })
})
