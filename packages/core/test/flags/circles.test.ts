import { describe, expect, it } from 'vitest'
import type { Catalog, FlagDefinition } from '../../src/catalog/definitions.ts'
import { compileFlags, createFlags, flagsView } from '../../src/flags/index.ts'

/** Answers of flags that are compiled in one order, and asked in another. */
function answers(definitions: readonly (readonly [string, FlagDefinition])[], asked: readonly string[]) {
  const view = flagsView(compileFlags(Object.fromEntries(definitions)), new Map(), undefined)
  const face = createFlags<Catalog>({
    scope: () => ({
      tenant: { id: 'acme', status: 'active', attributes: {} },
      actor: { id: 'u', type: 'user' },
      snapshot: { flags: view },
      fold() {},
    }),
  })
  const found = asked.map((key) => [key, face.evaluate(key)] as const)
  return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const needs = (is: boolean, ...flags: string[]): FlagDefinition => ({
  prerequisites: flags.map((flag) => ({ flag, is })),
  rules: [{ serve: true }],
  default: false,
})

describe('what leads back to itself by several changes', () => {
  const circle = [
    ['a', needs(false, 'b')],
    ['b', needs(false, 'c')],
    ['c', needs(false, 'a')],
    ['before', needs(false, 'a')],
    ['apart', needs(false, 'other')],
    ['other', { default: false }],
  ] as const

  it('is never met, whichever flag a catalog names first, and whichever is asked first', () => {
    const keys = circle.map(([key]) => key)
    const expected = answers(circle, keys)
    for (const [key, asks] of Object.entries({ a: 'b', b: 'c', c: 'a' })) {
      expect(expected[key]).toMatchObject({ value: false, rule: `prerequisite:${asks}` })
    }
    expect([expected.before?.value, expected.apart?.value]).toEqual([true, true])
    for (let i = 1; i < keys.length; i++) {
      const turned = [...circle.slice(i), ...circle.slice(0, i)]
      expect(answers(turned, keys)).toEqual(expected)
      expect(answers(circle, [...keys.slice(i), ...keys.slice(0, i)])).toEqual(expected)
    }
  })
})

it('what has come to ask too much is not met by what was asked for already', () => {
  const wide = Array.from({ length: 20 }, (_, i) => `w${i}`)
  const definitions = [
    ...wide.map((key) => [key, needs(true, ...wide.map((_, i) => `d${i}`))] as const),
    ...wide.map((_, i) => [`d${i}`, { default: true }] as const),
    ['f', needs(true, ...wide)] as const,
  ]
  const first = answers(definitions, ['f']).f
  expect(first).toMatchObject({ value: false, rule: 'prerequisite:w0' })
  expect(answers(definitions, [...wide, 'f']).f).toEqual(first)
})
