import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { Catalog, FlagConditions, FlagDefinition, FlagRule } from '../../src/catalog/definitions.ts'
import { Draw } from '../../src/flags/draw.ts'
import type { CompileOptions, EvaluationOptions, FlagsScope } from '../../src/flags/index.ts'
import { compileFlags, createFlags, flagsView } from '../../src/flags/index.ts'
import { RankCounter } from '../../src/flags/rank-bound.ts'
import type { Actor, Tenant } from '../../src/vocabulary.ts'

interface Asking {
  readonly tenant?: Partial<Tenant>
  readonly actor?: Actor
  readonly asOf?: number
}

const IDS = Array.from({ length: 1_000 }, (_, i) => `t${i}`)

function engine(definitions: Record<string, FlagDefinition>, options: CompileOptions = {}) {
  const flags = compileFlags(definitions, options)
  return (key: string, { tenant, actor, asOf }: Asking = {}, given?: EvaluationOptions) => {
    const scope: FlagsScope = {
      tenant: { id: 'acme', status: 'active', attributes: {}, ...tenant },
      actor: actor ?? { id: 'u1', type: 'user' },
      snapshot: { flags: flagsView(flags, new Map(), undefined) },
      asOf,
      fold() {},
    }
    const face = createFlags<Catalog>({ scope: () => scope })
    const evaluation = face.evaluate(key, given)
    expect(face.explain(key, given).evaluation).toBe(evaluation)
    return evaluation
  }
}

const on = (rule: Omit<FlagRule<boolean>, 'serve'>): FlagDefinition => ({
  rules: [{ ...rule, serve: true }],
  default: false,
})

describe('rules', () => {
  it('name segments, which may name others', () => {
    const segments: Record<string, FlagConditions> = {
      eu: { 'org.region': ['de', 'fr'] },
      big: { 'org.seats': { gt: 100 } },
      target: { segment: 'eu', not: { segment: 'big' } },
    }
    const ask = engine(
      { f: on({ if: { segment: 'target' } }), any: on({ if: { segment: ['eu', 'big'] } }) },
      { segments },
    )
    const of = (region: string, seats: number) => ({ tenant: { attributes: { region, seats } } })
    expect(ask('f', of('de', 10)).value).toBe(true)
    expect(ask('f', of('de', 200)).value).toBe(false)
    expect(ask('f', of('us', 10)).value).toBe(false)
    expect(ask('any', of('us', 200)).value).toBe(true)
    expect(ask('any', of('us', 1)).value).toBe(false)
  })

  it('hold within their window, by the time that the context stands at', () => {
    const ask = engine({ f: on({ from: '2026-03-01', until: '2026-04-01T00:00:00+02:00' }) })
    const at = (time: string) => ask('f', { asOf: Date.parse(time) }).value
    expect(at('2026-02-28T23:59:59Z')).toBe(false)
    expect(at('2026-03-01T00:00:00Z')).toBe(true)
    expect(at('2026-03-31T21:59:59Z')).toBe(true)
    expect(at('2026-03-31T22:00:00Z')).toBe(false)
  })

  it('do not keep for a tenant what ends by itself', () => {
    const flags = compileFlags({ f: on({ until: '2026-03-01' }) })
    const view = flagsView(flags, new Map(), undefined)
    const tenant: Tenant = { id: 'acme', status: 'active', attributes: {} }
    const at = (asOf: number) =>
      createFlags<Catalog>({
        scope: () => ({ tenant, actor: { id: 'u', type: 'user' }, snapshot: { flags: view }, asOf, fold() {} }),
      }).isEnabled('f')
    expect(at(0)).toBe(true)
    expect(at(Date.parse('2026-03-02'))).toBe(false)
  })

  it('of one layer that do not overlap never hold for the same tenant, and share it out', () => {
    const slice = (from: number, to: number) => on({ layer: { name: 'checkout', from, to } })
    const ask = engine({ a: slice(0, 30), b: slice(30, 100) })
    const seen = IDS.map((id) => [ask('a', { tenant: { id } }).value, ask('b', { tenant: { id } }).value])
    expect(seen.every(([a, b]) => a !== b)).toBe(true)
    expect(seen.filter(([a]) => a).length).toBeGreaterThan(230)
    expect(seen.filter(([a]) => a).length).toBeLessThan(370)
    expect(ask('a').reason === 'SPLIT' || ask('b').reason === 'SPLIT').toBe(true)
  })

  it('reach outwards ring by ring', () => {
    const rings = [
      { name: 'internal', if: { 'org.id': 'ours' } },
      { name: 'beta', if: { 'org.beta': true } },
      { name: 'pro', if: { 'org.plan': 'pro' } },
    ] as const
    const up = (upTo: string) => {
      const ask = engine({ f: on({ rings, upTo }) })
      return [{ id: 'ours' }, { attributes: { beta: true } }, { plan: 'pro' }, {}].map(
        (tenant) => ask('f', { tenant }).value,
      )
    }
    expect(up('internal')).toEqual([true, false, false, false])
    expect(up('beta')).toEqual([true, true, false, false])
    expect(up('pro')).toEqual([true, true, true, false])
  })

  it('take exactly so many tenants, who stay in while the number grows', () => {
    const bounds: CompileOptions['bounds'] = (seed, count) => {
      const counter = new RankCounter(seed, count)
      for (const id of IDS) counter.add(id)
      return counter.bound
    }
    let before = new Set<string>()
    for (const exactly of [0, 1, 2, 40, 41, 500, 999, 1_000, 2_000]) {
      const ask = engine({ f: on({ rollout: { exactly } }) }, { bounds })
      const inside = new Set(IDS.filter((id) => ask('f', { tenant: { id } }).value))
      expect(inside.size).toBe(Math.min(exactly, IDS.length))
      expect([...before].every((id) => inside.has(id))).toBe(true)
      before = inside
    }
    expect(engine({ f: on({ rollout: { exactly: 5 } }) })('f').value).toBe(false)
  })

  it('serve variants by weight, whatever order the definition is stored in', () => {
    const flag = (serve: Record<string, number>): FlagDefinition => ({
      variants: { a: 'A', b: 'B', c: 'C' },
      rules: [{ serve }],
      default: 'a',
    })
    const [one, other] = [engine({ f: flag({ a: 1, b: 2, c: 1 }) }), engine({ f: flag({ c: 1, b: 2, a: 1 }) })]
    const counts: Record<string, number> = {}
    for (const id of IDS) {
      const { variant, reason } = one('f', { tenant: { id } })
      expect(other('f', { tenant: { id } }).variant).toBe(variant)
      expect(reason).toBe('SPLIT')
      counts[variant] = (counts[variant] ?? 0) + 1
    }
    expect(Math.abs((counts.b ?? 0) - 500)).toBeLessThan(80)
    expect(Math.abs((counts.a ?? 0) - 250)).toBeLessThan(80)
    // Weight that moves to the next name takes nobody else along.
    const moved = engine({ f: flag({ a: 1, b: 1, c: 2 }) })
    for (const id of IDS) {
      const [before, after] = [one('f', { tenant: { id } }).variant, moved('f', { tenant: { id } }).variant]
      if (before !== after) expect([before, after]).toEqual(['b', 'c'])
    }
    expect(engine({ f: flag({ a: 0, b: 1 }) })('f').variant).toBe('b')
  })

  it('serve weights apart from who is in the rollout', () => {
    const ask = engine({
      f: {
        variants: { a: 1, b: 2 },
        rules: [{ rollout: { percent: 50 }, serve: { a: 1, b: 1 } }],
        default: 'a',
      },
    })
    const inside = IDS.map((id) => ask('f', { tenant: { id } })).filter(({ reason }) => reason === 'SPLIT')
    const share = inside.filter(({ variant }) => variant === 'b').length / inside.length
    expect(Math.abs(share - 0.5)).toBeLessThan(0.12)
  })

  it('draw by the seed of the rule, else the flag, else its key', () => {
    const half = { percent: 50 }
    const ask = engine({
      f: on({ rollout: half }),
      same: { ...on({ rollout: half }), seed: 'f' },
      rule: { ...on({ rollout: { ...half, seed: 'f' } }), seed: 'other' },
      other: { ...on({ rollout: half }), seed: 'other', algorithm: 1 },
    })
    const of = (key: string) => IDS.map((id) => ask(key, { tenant: { id } }).value).join()
    expect(of('same')).toBe(of('f'))
    expect(of('rule')).toBe(of('f'))
    expect(of('other')).not.toBe(of('f'))
  })

  it('that draw by actor pass an anonymous one over, and say so', () => {
    const nobody: Actor = { id: 'anonymous', type: 'user' }
    const rollout = { percent: 100, by: 'actor' } as const
    const ask = engine({
      f: on({ rollout }),
      layered: on({ layer: { name: 'l', from: 0, to: 100, by: 'actor' } }),
      elsewhere: on({ if: { 'org.plan': 'pro' }, rollout }),
      later: { rules: [{ rollout, serve: false }, { serve: true }], default: false },
    })
    expect(ask('f').value).toBe(true)
    const missing = {
      value: false,
      variant: 'off',
      reason: 'TARGETING_KEY_MISSING',
      errorCode: 'TARGETING_KEY_MISSING',
    }
    expect(ask('f', { actor: nobody })).toEqual(missing)
    expect(ask('layered', { actor: nobody })).toEqual(missing)
    expect(ask('elsewhere', { actor: nobody })).toEqual({ value: false, variant: 'off', reason: 'DEFAULT' })
    expect(ask('later', { actor: nobody })).toEqual({
      value: true,
      variant: 'on',
      reason: 'TARGETING_MATCH',
      rule: 'rule-2',
    })
    expect(ask('f', { actor: { id: 'anonymous', type: 'service' } }).value).toBe(true)
  })

  it('that draw by actor say nothing of a missing one where the tenant is out anyway', () => {
    const end = (new Draw('layer:l').bucket('acme') + 1) / 1_000
    const rollout = { percent: 100, by: 'actor' } as const
    const ask = engine({
      inside: on({ layer: { name: 'l', from: 0, to: end }, rollout }),
      outside: on({ layer: { name: 'l', from: end, to: 100 }, rollout }),
    })
    const nobody: Actor = { id: 'anonymous', type: 'user' }
    expect(ask('inside', { actor: nobody }).errorCode).toBe('TARGETING_KEY_MISSING')
    expect(ask('outside', { actor: nobody })).toEqual({ value: false, variant: 'off', reason: 'DEFAULT' })
    expect([ask('inside').value, ask('outside').value]).toEqual([true, false])
  })

  it('serve values that nobody can change, whatever realm they come from', () => {
    const variants = runInNewContext("({ a: { list: ['x'] } })")
    const { value } = engine({ f: { variants, default: 'a' } })('f')
    expect(value).toEqual({ list: ['x'] })
    expect(Object.isFrozen(value) && Object.isFrozen((value as { list: string[] }).list)).toBe(true)
  })

  it('wait for prerequisites, by value or variant, through any number of flags', () => {
    const size: FlagDefinition = {
      variants: { small: 1, large: 2 },
      rules: [{ if: { 'org.plan': 'pro' }, serve: 'large' }],
      default: 'small',
    }
    const needs = (flag: string, is: boolean | string): FlagDefinition => ({
      prerequisites: [{ flag, is }],
      rules: [{ serve: true }],
      default: false,
    })
    const ask = engine({
      size,
      large: needs('size', 'large'),
      next: needs('large', true),
      not: needs('large', false),
      gone: needs('lost', true),
      one: needs('other', true),
      other: needs('one', true),
    })
    const pro = { tenant: { plan: 'pro' } }
    expect(ask('next', pro)).toEqual({ value: true, variant: 'on', reason: 'TARGETING_MATCH', rule: 'rule-1' })
    expect(ask('next')).toEqual({ value: false, variant: 'off', reason: 'DEFAULT', rule: 'prerequisite:large' })
    expect(ask('not').value).toBe(true)
    expect(ask('gone').rule).toBe('prerequisite:lost')
    // Two changes at once can make a circle that neither of them was refused for.
    expect(ask('one').value).toBe(false)
    expect(ask('other').value).toBe(false)
  })

  it('are not met by what has come to ask too much by changes of other flags', () => {
    let reads = 0
    const actor: Actor = {
      id: 'u1',
      get type(): 'user' {
        reads += 1
        return 'user'
      },
    }
    const both = (i: number) => ['a', 'b'].map((key) => ({ flag: `${key}${i}`, is: true }))
    const definitions: Record<string, FlagDefinition> = {}
    for (let i = 0; i < 30; i++) {
      for (const key of ['a', 'b']) {
        definitions[`${key}${i}`] = { ...on({ if: { 'actor.type': 'user' } }), prerequisites: i > 0 ? both(i - 1) : [] }
      }
    }
    const ask = engine(definitions)
    expect(ask('a6', { actor }).value).toBe(true)
    reads = 0
    expect(ask('a29', { actor })).toMatchObject({ value: false, rule: 'prerequisite:a28' })
    expect(reads).toBeLessThan(1_000)
  })

  it('ask a prerequisite of each actor where it differs by actor', () => {
    const flags = compileFlags({
      base: on({ if: { 'actor.roles': 'admin' } }),
      next: { prerequisites: [{ flag: 'base', is: true }], rules: [{ serve: true }], default: false },
    })
    const view = flagsView(flags, new Map(), undefined)
    const tenant: Tenant = { id: 'acme', status: 'active', attributes: {} }
    const as = (roles: readonly string[]) =>
      createFlags<Catalog>({
        scope: () => ({ tenant, actor: { id: 'u', type: 'user', roles }, snapshot: { flags: view }, fold() {} }),
      }).isEnabled('next')
    expect([as(['admin']), as([]), as(['admin'])]).toEqual([true, false, true])
    const forced = flagsView(flags, new Map([['base', true]]), undefined)
    expect(
      createFlags<Catalog>({
        scope: () => ({ tenant, actor: { id: 'u', type: 'user' }, snapshot: { flags: forced }, fold() {} }),
      }).isEnabled('next'),
    ).toBe(true)
  })

  it('read what the call adds, under `context.` alone', () => {
    const ask = engine({
      added: on({ if: { 'context.beta': true } }),
      plan: on({ if: { 'org.plan': 'enterprise' } }),
    })
    expect(ask('added', {}, { attributes: { beta: true } }).value).toBe(true)
    expect(ask('added').value).toBe(false)
    expect(ask('plan', {}, { attributes: { plan: 'enterprise', org: { plan: 'enterprise' } } }).value).toBe(false)
  })

  it('say that definitions could not be confirmed', () => {
    const flags = compileFlags({ f: on({ id: 'r' }), off: { default: false, enabled: false } })
    const tenant: Tenant = { id: 'acme', status: 'active', attributes: {} }
    const view = flagsView(flags, new Map([['f', false]]), undefined, true)
    const face = createFlags<Catalog>({
      scope: () => ({ tenant, actor: { id: 'u', type: 'user' }, snapshot: { flags: view }, fold() {} }),
    })
    expect(face.evaluate('f')).toEqual({ value: false, variant: 'off', reason: 'STALE', rule: 'override' })
    expect(face.evaluate('off')).toEqual({ value: false, variant: 'off', reason: 'STALE' })
    expect(face.evaluate('f')).toBe(face.evaluate('f'))
  })

  it('say ERROR of what could not be read, whatever else there is to say', () => {
    const flags = compileFlags({ f: on({ if: { 'context.lazy.b': 1 } }) })
    const tenant: Tenant = { id: 'acme', status: 'active', attributes: {} }
    const lazy = Object.defineProperty({}, 'b', {
      get() {
        throw new Error('The database does not answer.')
      },
    })
    for (const stale of [false, true]) {
      const snapshot = { flags: flagsView(flags, new Map(), undefined, stale) }
      const scope: FlagsScope = { tenant, actor: { id: 'u', type: 'user' }, snapshot, fold() {} }
      const failed = { value: false, variant: 'off', reason: 'ERROR', errorCode: 'GENERAL' }
      const face = createFlags<Catalog>({ scope: () => scope })
      expect(face.evaluate('f', { attributes: { lazy } })).toEqual(failed)
    }
  })

  it('put tenants into the buckets that rollouts say', () => {
    const ask = engine({ f: on({ rollout: { percent: 12.345 } }) })
    for (const id of IDS) expect(ask('f', { tenant: { id } }).value).toBe(new Draw('f').bucket(id) < 12_345)
  })
})
