import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkDefinition } from './check-definition.ts'
import { mangledFlag, strangeFlag, validFlag } from './flag-arbitraries.ts'

describe('any definition', () => {
  it('that is right evaluates, and its steps say the same', () => {
    fc.assert(
      fc.property(validFlag, (flag) => void expect(checkDefinition(flag)).toBe(true)),
      { numRuns: 400 },
    )
  })

  it('evaluates or is refused with a path', () => {
    let valid = 0
    fc.assert(
      fc.property(fc.oneof(mangledFlag, strangeFlag), (flag) => {
        if (checkDefinition(flag)) valid++
      }),
      { numRuns: 600 },
    )
    expect(valid).toBeGreaterThan(0)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('whose lists have members that are no elements evaluates or is refused', () => {
    const strange = <T>(...elements: T[]): T[] => Object.assign(elements, { constructor: { [Symbol.species]: 5 } })
    const conditions = { segment: strange('eu', 'big'), or: strange({ 'org.plan': 'pro' }) }
    const inner = { name: 'inner', if: conditions }
    expect(checkDefinition({ default: true, rules: [{ if: conditions, serve: true }] })).toBe(true)
    expect(checkDefinition({ default: true, rules: [{ rings: strange(inner), upTo: 'inner', serve: true }] })).toBe(
      true,
    )
    expect(checkDefinition({ default: true, rules: strange({ serve: true }) })).toBe(false)
  })

  it('that throws when it is read is refused', () => {
    const flag = {
      default: true,
      get rules(): never {
        throw new Error('no')
      },
    }
    expect(checkDefinition(flag)).toBe(false)
  })
})
