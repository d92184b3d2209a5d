import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Catalog, FlagCondition, FlagDefinition } from '../../src/catalog/definitions.ts'
import { compileFlags, createFlags, flagsView } from '../../src/flags/index.ts'
import type { Actor, RequestInfo, Tenant } from '../../src/vocabulary.ts'
import { conditions } from './flag-arbitraries.ts'

const tenant: Tenant = Object.freeze({
  id: 'acme',
  plan: 'pro',
  status: 'active',
  attributes: Object.freeze({ seats: 5, address: Object.freeze({ country: 'at' }) }),
})
const actor: Actor = Object.freeze({ id: 'u1', type: 'user' })
const request: RequestInfo = Object.freeze({ method: 'GET', path: '/', ip: '10.1.2.3' })

function ask(flag: FlagDefinition, attributes?: Readonly<Record<string, unknown>>) {
  const view = flagsView(compileFlags({ f: flag }), new Map(), undefined)
  const scope = { tenant, actor, request, route: 'GET /', snapshot: { flags: view }, asOf: 0, fold() {} }
  return createFlags<Catalog>({ scope: () => scope }).evaluate('f', attributes && { attributes })
}

/** Without what reads the call's own attributes. */
function ofTheTenant(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ofTheTenant)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([name]) => !name.startsWith('context.'))
  return Object.fromEntries(members.map(([name, member]) => [name, ofTheTenant(member)]))
}

const names = [
  'seats',
  'org.seats',
  'id',
  'plan',
  'org',
  'org.plan',
  'tenant',
  'actor',
  'actor.id',
  'request',
  'attributes',
  'asOf',
  'route',
  'snapshot',
  'targetingKey',
  '__proto__',
  'constructor',
]
const attributes = fc.dictionary(
  fc.constantFrom(...names),
  fc.oneof(fc.constantFrom('enterprise', 'free', 'other', null), fc.object()),
  { noNullPrototype: true },
)

/** Where conditions read what the context itself knows. */
const PATHS = [
  ...['org.id', 'org.plan', 'org.name', 'org.status', 'org.created_at', 'org.seats', 'org.address.country', 'org.none'],
  ...['actor.id', 'actor.type', 'actor.name', 'actor.roles'],
  ...[
    'request.method',
    'request.path',
    'request.route',
    'request.host',
    'request.ip',
    'request.userAgent',
    'request.id',
  ],
] as const

/** One value in every place of a call's attributes that a path could be taken for. */
function shadows(path: string, value: unknown): Readonly<Record<string, unknown>> {
  const parts = path.split('.')
  const within = (names: readonly string[]): object =>
    Object.fromEntries(names.map((name, i) => [name, i === names.length - 1 ? value : within(names.slice(i + 1))]))
  const [root = '', ...rest] = parts
  const inner = { ...within(rest), [rest.join('.')]: value, createdAt: value }
  return {
    ...inner,
    [path]: value,
    [root]: { ...inner, attributes: inner },
    tenant: { ...inner, attributes: inner },
    user: inner,
    attributes: inner,
    context: { [root]: inner },
  }
}

describe('what a call adds', () => {
  it.each(PATHS)('never stands in for %s', (path) => {
    for (const value of ['shadow', ['shadow'], null]) {
      const added = shadows(path, value)
      const where = (condition: FlagCondition): FlagDefinition => ({
        rules: [{ if: { [path]: condition }, serve: true }],
        default: false,
      })
      expect(ask(where('shadow'), added)).toEqual(ask(where('shadow')))
      expect(ask(where('shadow'), added).value).toBe(false)
      expect(ask(where({ not: null }), added)).toEqual(ask(where({ not: null })))
    }
  })

  it('never stands in for whom is drawn', () => {
    for (const by of ['tenant', 'actor'] as const) {
      for (let percent = 0; percent <= 100; percent += 5) {
        const rollout = { percent, by }
        const flag: FlagDefinition = { rules: [{ rollout, serve: true }], default: false }
        for (const path of ['org.id', 'actor.id', 'x.targetingKey']) {
          expect(ask(flag, shadows(path, `shadow-${percent}`))).toEqual(ask(flag))
        }
      }
    }
  })

  it('changes no condition on the tenant, the actor or the request', () => {
    fc.assert(
      fc.property(conditions, attributes, fc.boolean(), (given, added, rolled) => {
        const rule = { if: ofTheTenant(given) as object, serve: true, ...(rolled && { rollout: { percent: 50 } }) }
        const flag: FlagDefinition = { rules: [rule], default: false }
        expect(ask(flag, added)).toEqual(ask(flag))
      }),
    )
  })

  it('is read by its own names alone, own members only', () => {
    const reads = (path: `context.${string}`, added: Readonly<Record<string, unknown>>) =>
      ask({ rules: [{ if: { [path]: { exists: true } }, serve: true }], default: false }, added).value
    expect(reads('context.plan', { plan: 'x' })).toBe(true)
    expect(reads('context.plan', Object.create({ plan: 'x' }))).toBe(false)
    expect(reads('context.toString', {})).toBe(false)
    expect(reads('context.plan', JSON.parse('{ "__proto__": { "plan": "x" } }'))).toBe(false)
  })

  it('serves the default where it can not be read', () => {
    const added = {
      get plan(): never {
        throw new Error('no')
      },
    }
    const flag: FlagDefinition = { rules: [{ if: { 'context.plan': 'x' }, serve: true }], default: false }
    expect(ask(flag, added)).toMatchObject({ value: false, reason: 'ERROR', errorCode: 'GENERAL' })
    expect(ask(flag, 'x' as never).value).toBe(false)
  })
})
