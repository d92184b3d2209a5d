import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkDefinition } from './check-definition.ts'
import { HOSTILE, mangledFlag, strangeFlag, validFlag } from './flag-arbitraries.ts'

/** A flag that says all there is to say. */
const FULL = {
  enabled: true,
  description: 'full',
  seed: 's',
  algorithm: 1,
  metadata: { owner: 'growth' },
  prerequisites: [{ flag: 'base', is: true }],
  variants: { small: { rows: [1] }, large: { rows: [2, 3] } },
  default: 'small',
  rules: [
    {
      id: 'first',
      if: {
        'org.plan': ['pro', 'free'],
        'org.created_at': { after: { ago: '14d' } },
        segment: ['eu', 'big'],
        and: [{ 'context.version': { semver: '^2' } }],
        or: [{ 'request.ip': { cidr: ['10.0.0.0/8'] } }],
        not: { 'actor.roles': { matches: '^(a|b)+$' } },
      },
      rings: [{ name: 'inner', if: { 'org.id': { in: ['acme'] } } }],
      upTo: 'inner',
      from: '2026-01-01',
      until: '2027-01-01',
      layer: { name: 'l', from: 0, to: 50, by: 'tenant' },
      rollout: { percent: 5, by: 'actor', seed: 's' },
      serve: { small: 1, large: 2 },
    },
    { rollout: { exactly: 3 }, serve: 'large' },
  ],
}

const STRANGERS = ['__proto__', 'constructor', 'toString']

/** Copies of a value, each with one of its members made another one, or with one more. */
function* changed(value: unknown, by: unknown): Generator<unknown> {
  if (typeof value !== 'object' || value === null) return
  for (const name of new Set([...Object.keys(value), ...(Array.isArray(value) ? [] : STRANGERS)])) {
    const member: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
    for (const other of [by, ...changed(member, by)]) {
      const copy: object = Array.isArray(value) ? [...value] : { ...value }
      yield Object.defineProperty(copy, name, { value: other, enumerable: true, configurable: true, writable: true })
    }
  }
}

describe('any definition', () => {
  it('that is right evaluates, and its steps say the same', () => {
    fc.assert(
      fc.property(validFlag, (flag) => void expect(checkDefinition(flag)).toBe(true)),
      { numRuns: 400 },
    )
  })

  it('evaluates or is refused with a path: ten thousand of them', () => {
    let [valid, refused] = [0, 0]
    fc.assert(
      fc.property(fc.oneof(validFlag, mangledFlag, strangeFlag), (flag) => {
        if (checkDefinition(flag)) valid++
        else refused++
      }),
      { numRuns: 10_000 },
    )
    expect(Math.min(valid, refused)).toBeGreaterThan(1_000)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('with something hostile in any of its places evaluates or is refused', () => {
    expect(checkDefinition(FULL)).toBe(true)
    let [valid, refused] = [0, 0]
    for (const hostile of HOSTILE) {
      for (const flag of changed(FULL, hostile)) {
        if (checkDefinition(flag)) valid++
        else refused++
      }
    }
    expect(valid).toBeGreaterThan(0)
    expect(refused).toBeGreaterThan(1_000)
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
