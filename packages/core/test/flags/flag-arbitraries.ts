import fc from 'fast-check'
import type { FlagDefinition } from '../../src/catalog/definitions.ts'

/** What no definition should have: prototypes, huge and deep things, what refers to itself. */
export const HOSTILE: readonly unknown[] = [
  JSON.parse('{ "__proto__": { "polluted": true } }'),
  JSON.parse('{ "constructor": { "prototype": { "polluted": true } } }'),
  deep(10_000),
  wide(2_000),
  circular(),
  'x'.repeat(100_000),
  new Map([['a', 1]]),
  new Date(Number.NaN),
  Number.NaN,
  1n,
  Symbol('s'),
  () => true,
  null,
  undefined,
]
const NAMES = [
  ...['variants', 'rules', 'default', 'enabled', 'description', 'seed', 'algorithm', 'prerequisites'],
  ...['id', 'if', 'rings', 'upTo', 'from', 'until', 'layer', 'rollout', 'serve', 'and', 'or', 'not', 'segment'],
  ...['percent', 'exactly', 'by', 'name', 'to', 'flag', 'is', '__proto__', 'constructor', 'toString'],
  ...['org.plan', 'actor.roles', 'request.ip', 'context.x', 'matches', 'cidr', 'semver', 'ago', 'after', 'in', 'eq'],
]
const TEXTS = ['a', 'b', 'on', 'pro', 'tenant', 'actor', '2026-01-01', '14d', '>=1', '10.0.0.0/8', '^(a+)+$', '(', '']

/** Conditions, valid ones: nested, of segments, of all operators. */
export const conditions: fc.Arbitrary<object> = fc.letrec<{ conditions: object }>((tie) => ({
  conditions: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.dictionary(
      fc.constantFrom(
        'org.id',
        'org.plan',
        'org.seats',
        'org.created_at',
        'org.a.b',
        'actor.id',
        'actor.roles',
        'request.ip',
        'request.path',
        'context.x',
        'context.version',
      ),
      fc.oneof(
        fc.constantFrom('pro', 'free', 'u1', 5, true, null),
        fc.constantFrom({ gt: 3 }, { lte: 'm' }, { notIn: ['pro'] }, { not: 'free' }, { exists: true }),
        fc.constantFrom({ after: { ago: '14d' } }, { before: '2026-06-01' }, { matches: '^(p|f)r+' }, { semver: '^2' }),
        fc.constantFrom({ cidr: ['10.0.0.0/8', '2001:db8::/32'] }, { startsWith: 'p', endsWith: 'o' }),
      ),
      { maxKeys: 3 },
    ),
    fc.array(tie('conditions'), { minLength: 1, maxLength: 3 }).map((and) => ({ and })),
    fc.array(tie('conditions'), { minLength: 1, maxLength: 3 }).map((or) => ({ or })),
    tie('conditions').map((not) => ({ not })),
    fc.constantFrom({ segment: 'eu' }, { segment: ['eu', 'big'] }),
  ),
})).conditions

const unit = fc.constantFrom('tenant', 'actor')
const percent = fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 100, noNaN: true }))

/** Boolean flags, valid ones, whose rules have everything that rules may have. */
export const validFlag: fc.Arbitrary<FlagDefinition> = fc
  .record(
    {
      rules: fc.array(
        fc.record(
          {
            if: conditions,
            from: fc.constantFrom('2026-01-01', '2027-01-01'),
            until: fc.constantFrom('2028-01-01T00:00:00Z', '2029-01-01'),
            // A layer has one unit.
            layer: unit.chain((by) =>
              fc.record({
                name: fc.constantFrom(`${by}-l`, `${by}-m`),
                from: fc.constant(0),
                to: fc.constantFrom(30, 100),
                by: fc.constant(by),
              }),
            ),
            rollout: fc.oneof(
              fc.record({ percent, by: unit, seed: fc.constantFrom('a', 'b') }, { requiredKeys: ['percent'] }),
              fc.record({ exactly: fc.nat(5) }),
            ),
            serve: fc.boolean(),
          },
          { requiredKeys: ['serve'] },
        ),
        { maxLength: 5 },
      ),
      prerequisites: fc.array(fc.record({ flag: fc.constantFrom('base', 'ruled'), is: fc.boolean() }), {
        maxLength: 2,
      }),
      enabled: fc.boolean(),
      seed: fc.constantFrom('a', 'b'),
      default: fc.boolean(),
    },
    { requiredKeys: ['default'] },
  )
  .map((flag) => flag as FlagDefinition)

/** A valid flag with hostile or random things put in some of its places. */
export const mangledFlag: fc.Arbitrary<unknown> = fc
  .tuple(
    validFlag,
    fc.array(fc.tuple(fc.array(fc.nat(9), { maxLength: 6 }), fc.constantFrom(...NAMES), junk()), { maxLength: 3 }),
  )
  .map(([flag, changes]) => {
    const copy: unknown = structuredClone(flag)
    for (const [way, name, value] of changes) put(copy, way, name, value)
    return copy
  })

/** Anything in the shape of a flag, of names that flags know. */
export const strangeFlag: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'medium' },
    junk(),
    fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 5 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value

function junk(): fc.Arbitrary<unknown> {
  return fc.oneof(fc.constantFrom(...TEXTS), fc.constantFrom(...HOSTILE), fc.double(), fc.boolean())
}

function put(root: unknown, way: readonly number[], name: string, value: unknown): void {
  let at = root as Record<string, unknown>
  for (const step of way) {
    const members = Object.values(at).filter((member) => typeof member === 'object' && member !== null)
    const next = members[step % Math.max(1, members.length)]
    if (next === undefined) break
    at = next as Record<string, unknown>
  }
  if (!Object.isExtensible(at)) return
  Object.defineProperty(at, name, { value, enumerable: true, configurable: true, writable: true })
}

function deep(levels: number): object {
  let value: object = { 'org.plan': 'pro' }
  for (let i = 0; i < levels; i++) value = i % 2 ? { not: value } : { and: [value] }
  return value
}

function wide(members: number): object {
  return Object.fromEntries(Array.from({ length: members }, (_, i) => [`org.a${i}`, i]))
}

/** Ten levels of fifty members, each the same: 50^10 if anybody followed it. */
function circular(): object {
  const value: { and: object[] } = { and: [] }
  value.and = Array.from({ length: 50 }, () => value)
  return value
}
