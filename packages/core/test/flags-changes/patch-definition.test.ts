import type { FlagDefinition, Json } from '@throughline/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { flagDiff } from '../../src/flags/changes/flag-diff.ts'
import { patchDefinition } from '../../src/flags/changes/patch-definition.ts'

const flag: FlagDefinition = {
  default: false,
  description: 'New reports',
  rules: [
    { id: 'staff', if: { 'org.plan': 'internal' }, serve: true },
    { rollout: { percent: 10, seed: 'reports' }, serve: true },
    { id: 'ramp', rollout: { percent: 5, by: 'actor' }, serve: true },
  ],
}

const patched = (patch: unknown): FlagDefinition => {
  const { definition, problems } = patchDefinition(flag, patch, 'f')
  expect(problems).toBeUndefined()
  return definition as FlagDefinition
}

describe('a patch', () => {
  it('leaves what it does not name as it is', () => {
    expect(patched({})).toEqual(flag)
    expect(patched({ enabled: false, default: true })).toEqual({ ...flag, enabled: false, default: true })
    expect(patched({ description: undefined })).toEqual(flag)
    expect(patchDefinition({ default: false }, { enabled: false }, 'f').definition).toEqual({
      default: false,
      enabled: false,
    })
  })

  it('sets a percentage and nothing else of a rollout; a rule without an id goes by its position', () => {
    const { rules } = patched({ percent: { ramp: 50, 'rule-2': 20 } })
    expect(rules).toEqual([
      flag.rules?.[0],
      { rollout: { percent: 20, seed: 'reports' }, serve: true },
      { id: 'ramp', rollout: { percent: 50, by: 'actor' }, serve: true },
    ])
  })

  it('replaces rules in their place, adds new ones at the end, and removes', () => {
    const { rules } = patched({
      rules: { staff: { if: { 'org.plan': 'staff' }, serve: true }, eu: { serve: false }, 'rule-2': null },
    })
    expect(rules).toEqual([
      { id: 'staff', if: { 'org.plan': 'staff' }, serve: true },
      flag.rules?.[2],
      { id: 'eu', serve: false },
    ])
    expect(
      patched({ rules: { eu: { rollout: { percent: 1 }, serve: true } }, percent: { eu: 2 } }).rules?.at(-1),
    ).toEqual({
      id: 'eu',
      rollout: { percent: 2 },
      serve: true,
    })
  })

  it('loses no rule where positions move', () => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((plan) => ({ if: { 'org.plan': plan }, serve: true }))
    let definition: unknown = { default: false, rules: [a, b, c, d] }
    for (const rules of [{ 'rule-3': { if: { 'org.plan': 'c2' }, serve: true } }, { 'rule-1': null }, {}])
      definition = patchDefinition(definition as FlagDefinition, { rules }, 'f').definition
    expect(definition).toEqual({
      default: false,
      rules: [
        { ...b, id: 'rule-2' },
        { id: 'rule-3', if: { 'org.plan': 'c2' }, serve: true },
        { ...d, id: 'rule-4' },
      ],
    })
  })

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), (patch) => {
        const { definition, problems } = patchDefinition(flag, patch, 'f')
        expect((definition === undefined) !== (problems === undefined)).toBe(true)
      }),
    )
    for (const name of ['__proto__', 'constructor']) {
      const rules = JSON.parse(`{ "${name}": { "serve": true } }`)
      const { problems } = patchDefinition(flag, { rules }, 'f')
      expect(problems?.[0]?.path).toBe(`f.rules.${name}`)
    }
  })
})

describe('a difference', () => {
  it('goes by the ids of rules, so that one in front is one change', () => {
    const [a, , c] = flag.rules ?? []
    const named = { ...flag, rules: [a, c] } as FlagDefinition
    const longer = { ...flag, rules: [{ id: 'first', serve: false }, a, c] } as FlagDefinition
    expect(flagDiff(named, longer)).toEqual([{ path: 'rules.first', after: { serve: false } }])
    expect(flagDiff(longer, named)).toEqual([{ path: 'rules.first', before: { serve: false } }])
    expect(flagDiff(flag, patched({ percent: { ramp: 6 } }))).toEqual([
      { path: 'rules.ramp.rollout.percent', before: 5, after: 6 },
    ])
    expect(flagDiff(flag, patched({ enabled: true }))).toEqual([])
  })

  it('of the order alone is one of the order', () => {
    const [a, b, c] = flag.rules ?? []
    const named = { ...flag, rules: [a, { ...b, id: 'share' }, c] } as FlagDefinition
    const turned = { ...flag, rules: [c, { ...b, id: 'share' }, a] } as FlagDefinition
    expect(flagDiff(named, turned)).toEqual([
      { path: 'rules', before: ['staff', 'share', 'ramp'], after: ['ramp', 'share', 'staff'] },
    ])
  })

  it('names nothing where members only stand in another order, in lists as well', () => {
    const rows = (row: Json): FlagDefinition => ({ variants: { rows: [row] }, default: 'rows' })
    expect(flagDiff(rows({ a: 1, b: { c: 2, d: 3 } }), rows({ b: { d: 3, c: 2 }, a: 1 }))).toEqual([])
    expect(flagDiff(rows({ a: 1 }), rows({ a: 2 }))).toEqual([
      { path: 'variants.rows', before: [{ a: 1 }], after: [{ a: 2 }] },
    ])
  })

  it('is bounded, and cuts long values', () => {
    const wide = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`v${i}`, 'x'.repeat(1_000)]))
    const found = flagDiff({ variants: { v0: 'a' }, default: 'v0' }, { variants: wide, default: 'v0' })
    expect(found).toHaveLength(51)
    expect(found.at(-1)).toEqual({ path: '', after: '30 more differences' })
    expect(JSON.stringify(found[0]).length).toBeLessThan(300)
    const named = flagDiff({ variants: { a: 1 }, default: 'a' }, { variants: { a: 1, toString: 2 }, default: 'a' })
    expect(named).toEqual([{ path: 'variants.toString', after: 2 }])
  })
})
