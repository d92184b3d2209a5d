import { expect } from 'vitest'
import type { Catalog, FlagConditions, FlagDefinition } from '../../src/catalog/definitions.ts'
import { flagProblems } from '../../src/catalog/index.ts'
import { compileFlags, createFlags, flagsView } from '../../src/flags/index.ts'

const SEGMENTS: Record<string, FlagConditions> = { eu: { 'org.region': 'eu' }, big: { 'org.seats': { gt: 100 } } }
const OTHERS: Record<string, FlagDefinition> = {
  base: { default: true },
  ruled: { rules: [{ if: { 'actor.roles': 'admin' }, serve: true }], default: false },
}

/** Whether a definition is valid. Either it is refused with a path, or it evaluates and explains itself. */
export function checkDefinition(definition: unknown): boolean {
  const around = { key: 'f', flags: OTHERS, segments: Object.keys(SEGMENTS), tenantsListed: true }
  const problems = flagProblems(definition, 'flags.f', around)
  for (const { path, message } of problems) {
    expect(path.startsWith('flags.f')).toBe(true)
    expect(message.length).toBeGreaterThan(3)
    expect(path.length + message.length).toBeLessThan(20_000)
  }
  if (problems.length > 0) return false
  const flags = compileFlags(
    { ...OTHERS, f: definition as FlagDefinition },
    { segments: SEGMENTS, bounds: () => ({ rank: 2 ** 31, id: 'm' }) },
  )
  const face = createFlags<Catalog>({
    scope: () => ({
      tenant: {
        id: 'acme',
        plan: 'pro',
        status: 'active',
        createdAt: '2026-03-01T00:00:00.000Z',
        attributes: { seats: 5, region: 'eu', a: { b: [1, 'pro'] } },
      },
      actor: { id: 'u1', type: 'user', roles: ['admin'] },
      request: { method: 'GET', path: '/', ip: '10.1.2.3' },
      snapshot: { flags: flagsView(flags, new Map(), undefined) },
      asOf: Date.parse('2026-03-10'),
      fold() {},
    }),
  })
  const given = { attributes: { x: 'pro', version: '2.1.0' } }
  const evaluation = face.evaluate('f', given)
  expect(evaluation.reason).not.toBe('ERROR')
  expect(Object.keys((definition as FlagDefinition).variants ?? { on: true, off: false })).toContain(evaluation.variant)
  const { steps, ...explained } = face.explain('f', given)
  expect(explained.evaluation).toEqual(evaluation)
  const last = steps.at(-1)
  expect(steps.map(({ decided }) => decided)).toEqual(steps.map((_, i) => i === steps.length - 1))
  if (last?.step === 'rule') expect(last.rule).toBe(evaluation.rule)
  else if (last?.step === 'prerequisite') expect(evaluation.rule).toBe(`prerequisite:${last.flag}`)
  else expect(evaluation.rule).toBeUndefined()
  return true
}
