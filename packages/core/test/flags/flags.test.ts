import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Catalog, FlagDefinition } from '../../src/catalog/definitions.ts'
import { defineCatalog } from '../../src/catalog/index.ts'
import { ThroughlineError } from '../../src/errors.ts'
import type { EventTemplate } from '../../src/event.ts'
import { type CompiledFlags, compileFlags, createFlags, type FlagsScope, flagsView } from '../../src/flags/index.ts'
import type { Actor, Json, Tenant } from '../../src/vocabulary.ts'

class FakeScope implements FlagsScope {
  readonly tenant: Tenant
  readonly actor: Actor
  readonly snapshot: FlagsScope['snapshot']
  readonly folded: EventTemplate[] = []

  constructor(
    flags: CompiledFlags,
    parts: {
      tenant?: Partial<Tenant>
      actor?: Partial<Actor>
      overrides?: Record<string, Json>
      features?: readonly string[]
    } = {},
  ) {
    this.tenant = { id: 'acme', plan: 'pro', status: 'active', attributes: {}, ...parts.tenant }
    this.actor = { id: 'u1', type: 'user', ...parts.actor }
    const overrides = new Map(Object.entries(parts.overrides ?? {}))
    this.snapshot = { flags: flagsView(flags, overrides, { plan: 'pro', features: parts.features ?? [] }) }
  }

  fold(template: EventTemplate): void {
    this.folded.push(template)
  }
}

function open(definitions: Record<string, FlagDefinition>, parts?: ConstructorParameters<typeof FakeScope>[1]) {
  const scope = new FakeScope(compileFlags(definitions), parts)
  return { scope, flags: createFlags<Catalog>({ scope: () => scope }) }
}

const bool = (rules: FlagDefinition['rules'] = [], enabled = true): FlagDefinition =>
  ({ rules, default: false, enabled }) as FlagDefinition

describe('flags', () => {
  it('say what, and why', () => {
    const enterprise = { if: { 'org.plan': 'enterprise' }, serve: true } as const
    const { flags } = open({
      plain: { default: true },
      off: bool([{ serve: true }], false),
      miss: bool([enterprise]),
      hit: bool([enterprise, { id: 'pros', if: { 'org.plan': 'pro' }, serve: true }]),
      unnamed: bool([enterprise, { if: { 'org.plan': 'pro' }, serve: true }]),
      split: bool([{ rollout: { percent: 100 }, serve: true }]),
      none: bool([{ rollout: { percent: 0 }, serve: true }]),
      theme: {
        variants: { old: { colour: 'grey' }, new: { colour: 'blue' } },
        rules: [{ serve: 'new' }],
        default: 'old',
      },
    })
    expect(flags.evaluate('plain')).toEqual({ value: true, variant: 'on', reason: 'STATIC' })
    expect(flags.evaluate('off')).toEqual({ value: false, variant: 'off', reason: 'DISABLED' })
    expect(flags.evaluate('miss')).toEqual({ value: false, variant: 'off', reason: 'DEFAULT' })
    expect(flags.evaluate('hit')).toEqual({ value: true, variant: 'on', reason: 'TARGETING_MATCH', rule: 'pros' })
    expect(flags.evaluate('unnamed').rule).toBe('rule-2')
    expect(flags.evaluate('split')).toEqual({ value: true, variant: 'on', reason: 'SPLIT', rule: 'rule-1' })
    expect(flags.evaluate('none').reason).toBe('DEFAULT')
    expect(flags.evaluate('theme')).toEqual({
      value: { colour: 'blue' },
      variant: 'new',
      reason: 'TARGETING_MATCH',
      rule: 'rule-1',
    })
    expect(flags.value('theme')).toEqual({ colour: 'blue' })
    expect(flags.isEnabled('hit')).toBe(true)
    expect(flags.isEnabled('miss')).toBe(false)
    expect(Object.isFrozen(flags.evaluate('theme')) && Object.isFrozen(flags.value('theme'))).toBe(true)
  })

  it('are decided by kill switch, override, plan and rules, in this order', () => {
    const rules = [{ serve: false }] as const
    const definitions = { f: bool(rules) }
    const reason = (parts: ConstructorParameters<typeof FakeScope>[1], flag: FlagDefinition = definitions.f) => {
      const { value, reason, rule } = open({ f: flag }, parts).flags.evaluate('f')
      return [value, reason, rule]
    }
    expect(reason({})).toEqual([false, 'TARGETING_MATCH', 'rule-1'])
    expect(reason({ features: ['f'] })).toEqual([true, 'TARGETING_MATCH', 'plan:pro'])
    expect(reason({ features: ['f'], overrides: { f: false } })).toEqual([false, 'TARGETING_MATCH', 'override'])
    expect(reason({ features: ['f'], overrides: { f: true } }, bool(rules, false))).toEqual([
      false,
      'DISABLED',
      undefined,
    ])
  })

  it('take no notice of overrides and features that no flag has (any more)', () => {
    const theme: FlagDefinition = { variants: { a: 1, b: 2 }, default: 'a' }
    const { flags } = open(
      { f: bool(), theme },
      { overrides: { f: 'on', theme: 'c', gone: true }, features: ['theme', 'lost'] },
    )
    expect(flags.evaluate('f').reason).toBe('STATIC')
    expect(flags.evaluate('theme')).toEqual({ value: 1, variant: 'a', reason: 'STATIC' })
    expect(() => flags.evaluate('gone')).toThrow(ThroughlineError)
    expect(open({ theme }, { overrides: { theme: 'b' } }).flags.value('theme')).toBe(2)
  })

  it('leave one event for equal answers, which say what was served', () => {
    const { flags, scope } = open({ f: bool([{ if: { 'actor.id': 'u1' }, serve: true }]) })
    for (let i = 0; i < 3; i++) flags.isEnabled('f')
    expect(scope.folded).toHaveLength(3)
    expect(new Set(scope.folded).size).toBe(1)
    expect(JSON.parse(`${scope.folded[0]?.open}}`)).toEqual({
      action: 'flag.evaluated',
      targets: [{ type: 'flag', id: 'f' }],
      metadata: { value: true, variant: 'on', reason: 'TARGETING_MATCH', rule: 'rule-1' },
    })
  })

  it('tell actors of one tenant apart where a rule asks for them', () => {
    const flags = compileFlags({
      ruled: bool([{ if: { 'actor.roles': 'admin' }, serve: true }]),
      rolled: bool([{ rollout: { percent: 50, by: 'actor' }, serve: true }]),
      tenants: bool([{ rollout: { percent: 50 }, serve: true }]),
    })
    const view = { flags: flagsView(flags, new Map(), undefined) }
    const engine = createFlags<Catalog>({ scope: () => new FakeScope(flags) })
    const seen = { ruled: new Set<unknown>(), rolled: new Set<unknown>(), tenants: new Set<unknown>() }
    for (let i = 0; i < 50; i++) {
      const scope = {
        ...new FakeScope(flags, { actor: { id: `u${i}`, roles: i % 2 ? ['admin'] : [] } }),
        snapshot: view,
        fold() {},
      }
      for (const key of ['ruled', 'rolled', 'tenants'] as const) seen[key].add(engine.isEnabledIn(scope, key))
    }
    expect([seen.ruled.size, seen.rolled.size, seen.tenants.size]).toEqual([2, 2, 1])
  })

  it('serve the default, and say so, when an attribute can not be read', () => {
    const attributes = Object.defineProperty({}, 'region', {
      enumerable: true,
      get() {
        throw new Error('lazy')
      },
    })
    const { flags, scope } = open(
      { f: bool([{ if: { 'org.region': 'eu' }, serve: true }]) },
      { tenant: { attributes } },
    )
    expect(flags.evaluate('f')).toEqual({ value: false, variant: 'off', reason: 'ERROR', errorCode: 'GENERAL' })
    expect(scope.folded[0]?.open).toContain('"outcome":"failure"')
  })

  it('name the nearest flag for one that is not known', () => {
    const { flags } = open({ 'new-reports': bool() })
    expect(() => flags.isEnabled('new-report')).toThrow(/FLAG_UNKNOWN: .*Did you mean "new-reports"\?/)
    expect(() => flags.isEnabled('toString')).toThrow(/FLAG_UNKNOWN/)
  })

  it('refuse what a call adds elsewhere than in its attributes', () => {
    const { flags } = open({ f: bool([{ if: { 'context.version': '2' }, serve: true }]) })
    for (const given of [{ version: '2' }, { attribute: { version: '2' } }]) {
      const [name] = Object.keys(given)
      const sentence = expect.stringContaining(`"${name}" is no option`)
      const refused = expect.objectContaining({ code: 'OPTIONS_INVALID', sentence })
      expect(() => flags.isEnabled('f', given as object)).toThrow(refused)
      expect(() => flags.explain('f', given as object)).toThrow(refused)
    }
    expect([flags.isEnabled('f', {}), flags.isEnabled('f', { attributes: { version: '2' } })]).toEqual([false, true])
  })

  it('refuse it also where the answer is known already, and what are no options at all', () => {
    const { flags } = open({ f: bool() })
    expect(flags.isEnabled('f')).toBe(false)
    for (const given of [{ version: '2' }, null, true, 'f']) {
      expect(() => flags.isEnabled('f', given as never)).toThrow(/OPTIONS_INVALID/)
      expect(() => flags.explain('f', given as never)).toThrow(/OPTIONS_INVALID/)
    }
  })

  it('answer the same whether asked for the first time or again', () => {
    const condition = fc.oneof(
      fc.record({
        if: fc.constantFrom({ 'org.plan': 'pro' }, { 'actor.id': 'u2' }, { 'org.seats': { gt: 3 } }),
        serve: fc.boolean(),
      }),
      fc.record({
        rollout: fc.record({
          percent: fc.integer({ min: 0, max: 100 }),
          by: fc.constantFrom('tenant' as const, 'actor' as const),
        }),
        serve: fc.boolean(),
      }),
    )
    fc.assert(
      fc.property(
        fc.array(condition, { maxLength: 4 }),
        fc.constantFrom('u1', 'u2'),
        fc.integer({ min: 0, max: 6 }),
        (rules, id, seats) => {
          const definitions = { f: { rules, default: false } as FlagDefinition }
          const parts = { actor: { id }, tenant: { attributes: { seats } } }
          const warm = open(definitions, parts)
          expect(warm.flags.evaluate('f')).toBe(warm.flags.evaluate('f'))
          expect(open(definitions, parts).flags.evaluate('f')).toEqual(warm.flags.evaluate('f'))
        },
      ),
    )
  })

  it('are typed by the catalog', () => {
    const catalog = defineCatalog({
      flags: { beta: { default: false }, theme: { variants: { old: 'grey', new: 'blue' }, default: 'old' } },
    })
    const scope = new FakeScope(compileFlags(catalog.flags))
    const flags = createFlags<typeof catalog>({ scope: () => scope })
    expectTypeOf(flags.value('theme')).toEqualTypeOf<'grey' | 'blue'>()
    expectTypeOf(flags.evaluate('beta').value).toEqualTypeOf<boolean>()
    // @ts-expect-error a typo does not compile
    expect(() => flags.isEnabled('betta')).toThrow('Did you mean "beta"?')
    // @ts-expect-error a flag with variants is not on or off
    expect(flags.isEnabled('theme')).toBe(false)
  })
})
