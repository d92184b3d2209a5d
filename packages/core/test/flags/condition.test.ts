import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FlagAttribute, FlagCondition, FlagConditions } from '../../src/catalog/definitions.ts'
import type { FlagSubject } from '../../src/flags/attribute.ts'
import { compileConditions } from '../../src/flags/condition.ts'
import { conditions } from './flag-arbitraries.ts'

const subject: FlagSubject = {
  tenant: {
    id: 'acme',
    plan: 'pro',
    status: 'active',
    name: 'Acme GmbH',
    createdAt: '2026-03-01T12:00:00.000Z',
    attributes: {
      seats: 25,
      region: 'eu',
      beta: true,
      nothing: null,
      tags: ['a', 'b'],
      address: { country: 'DE', 'postal.code': 1 },
      signedAt: new Date('2026-05-01'),
      paidAt: Date.parse('2026-05-01'),
      version: '7',
      label: 'Team 2026',
      stored: '2026-03-10 00:00:00',
      zoned: '2026-03-10 00:00:00.5+02',
      plan: 'what the app calls so is not the plan',
    },
  },
  actor: { id: 'u1', type: 'user', roles: ['admin', 'billing'] },
  request: { method: 'POST', path: '/reports', ip: '10.1.2.3', userAgent: 'curl/8' },
  route: 'POST /reports',
  attributes: {
    version: '2.4.1',
    ip: '2001:db8::1',
    device: { os: 'linux' },
    mapped: '::ffff:10.1.2.3',
    plan: 'enterprise',
    org: { plan: 'x' },
  },
  asOf: Date.parse('2026-03-10T12:00:00Z'),
}

const cases: readonly [path: FlagAttribute, condition: FlagCondition, holds: boolean][] = [
  ['org.id', 'acme', true],
  ['org.id', 'Acme', false],
  ['org.plan', 'pro', true],
  ['org.plan', ['free', 'pro'], true],
  ['org.plan', ['free'], false],
  ['org.plan', { not: 'free' }, true],
  ['org.plan', { notIn: ['free', 'pro'] }, false],
  ['org.plan', { in: [] }, false],
  ['org.name', { startsWith: 'Acme', endsWith: 'GmbH' }, true],
  ['org.name', { startsWith: 'Acme', endsWith: 'Ltd' }, false],
  ['org.name', { contains: 'me G' }, true],
  ['org.status', 'active', true],
  ['org.created_at', { after: '2026-01-01' }, true],
  ['org.created_at', { before: '2026-01-01' }, false],
  ['org.created_at', { after: '2026-03-01T12:00:00Z' }, false],
  ['org.signedAt', { after: '2026-04-01', before: '2026-06-01' }, true],
  ['org.paidAt', { after: '2026-04-01', before: '2026-06-01' }, true],
  ['org.paidAt', { before: '2026-05-01' }, false],
  ['org.region', { before: '2026-06-01' }, false],
  ['org.version', { after: '2000-01-01' }, false],
  ['org.label', { after: '2000-01-01' }, false],
  ['org.stored', { after: '2026-03-09T23:59:59Z', before: '2026-03-10T00:00:01Z' }, true],
  ['org.zoned', { after: '2026-03-09T21:59:59Z', before: '2026-03-09T22:00:01Z' }, true],
  ['org.seats', 25, true],
  ['org.seats', '25', false],
  ['org.version', { gt: 6 }, false],
  ['org.version', { lt: 8 }, false],
  ['org.seats', { gt: 24, lte: 25 }, true],
  ['org.seats', { gt: 25 }, false],
  ['org.seats', { gte: 25, lt: 26 }, true],
  ['org.seats', { gt: '1' }, false],
  ['org.region', { gte: 'eu', lt: 'ev' }, true],
  ['org.beta', true, true],
  ['org.beta', { eq: false }, false],
  ['org.nothing', null, true],
  ['org.absent', null, true],
  ['org.absent', ['x', null], true],
  ['org.absent', { exists: false }, true],
  ['org.nothing', { exists: true }, false],
  ['org.region', { exists: true }, true],
  ['org.absent', { not: 'x' }, true],
  ['org.absent', { gt: 0 }, false],
  ['org.absent', 'undefined', false],
  ['org.tags', 'b', true],
  ['org.tags', ['x', 'a'], true],
  ['org.tags', { notIn: ['a'] }, false],
  ['org.address.country', 'DE', true],
  ['org.address.city', 'DE', false],
  ['org.address', 'DE', false],
  ['org.constructor.name', 'Object', false],
  ['org.toString', { exists: true }, false],
  ['org.address.hasOwnProperty', { exists: true }, false],
  ['org.region.length', 2, false],
  ['actor.id', 'u1', true],
  ['actor.type', 'user', true],
  ['actor.roles', 'admin', true],
  ['actor.roles', ['owner'], false],
  ['actor.name', null, true],
  ['actor.toString', { exists: true }, false],
  ['request.method', 'POST', true],
  ['request.path', { startsWith: '/rep' }, true],
  ['request.route', 'POST /reports', true],
  ['request.userAgent', { contains: 'curl' }, true],
  ['request.host', { exists: true }, false],
  ['request.constructor', { exists: true }, false],
  ['context.device.os', 'linux', true],
  ['context.toString', { exists: true }, false],
  ['context.__proto__.polluted', { exists: true }, false],
  ['context.plan', 'enterprise', true],
  ['org.created_at', { after: { ago: '14d' } }, true],
  ['org.created_at', { after: { ago: '9d' } }, false],
  ['org.created_at', { before: { ago: '1w' } }, true],
  ['org.created_at', { after: { ago: '9d' }, before: '2027-01-01' }, false],
  ['context.version', { semver: '>=2.4.0 <3' }, true],
  ['context.version', { semver: '^1' }, false],
  ['org.region', { semver: '*' }, false],
  ['org.seats', { semver: '*' }, false],
  ['request.ip', { cidr: '10.0.0.0/8' }, true],
  ['request.ip', { cidr: ['192.168.0.0/16', '10.1.2.3'] }, true],
  ['request.ip', { cidr: '10.1.2.4' }, false],
  ['request.ip', { cidr: '::/0' }, false],
  ['context.ip', { cidr: '2001:db8::/32' }, true],
  ['context.ip', { cidr: ['10.0.0.0/8', 'fe80::/10'] }, false],
  ['org.region', { cidr: '0.0.0.0/0' }, false],
  ['request.ip', { cidr: '::ffff:10.0.0.0/104' }, true],
  ['request.ip', { cidr: '::ffff:a01:203' }, true],
  ['request.ip', { cidr: '::ffff:10.2.0.0/112' }, false],
  ['context.mapped', { cidr: '::ffff:10.1.2.3' }, true],
  ['context.mapped', { cidr: '::FFFF:0:0/96' }, true],
  ['context.mapped', { cidr: '10.1.2.0/24' }, true],
  ['org.name', { matches: '^Acme (GmbH|AG)$' }, true],
  ['org.name', { matches: '^GmbH' }, false],
  ['org.tags', { matches: '^[bc]$' }, true],
  ['org.seats', { matches: '.' }, false],
]

const holds = (conditions: FlagConditions, of: FlagSubject = subject): boolean => {
  const condition = compileConditions(conditions, { segment: () => undefined, now: () => 0 })
  // What explains it says the same.
  expect(condition.check(of).holds).toBe(condition.holds(of))
  return condition.holds(of)
}

describe('conditions', () => {
  it.each(cases)('%s %j is %s', (path, condition, expected) => {
    expect(holds({ [path]: condition })).toBe(expected)
  })

  it('all hold, or none does', () => {
    expect(holds({ 'org.plan': 'pro', 'org.seats': 25, 'actor.roles': 'admin' })).toBe(true)
    expect(holds({ 'org.plan': 'pro', 'org.seats': 25, 'actor.roles': 'owner' })).toBe(false)
    expect(holds({})).toBe(true)
  })

  it('search a list for a pattern or a version up to a bound, however long it is', () => {
    const tags = (count: number, last: string) => ({
      ...subject,
      attributes: { tags: [...Array(count).fill('a'), last] },
    })
    const wanted = { 'context.tags': { matches: '^wanted$' } }
    expect(holds(wanted, tags(4_000, 'wanted'))).toBe(true)
    expect(holds(wanted, tags(100_000, 'wanted'))).toBe(false)
    const newer = { 'context.tags': { semver: '>=2' } }
    expect(holds(newer, tags(4_000, '2.1.0'))).toBe(true)
    expect(holds(newer, tags(100_000, '2.1.0'))).toBe(false)
  })

  it('ask for no route where there is no request', () => {
    expect(holds({ 'request.route': { exists: false } }, { ...subject, request: undefined })).toBe(true)
  })

  it('are those that were checked: own members', () => {
    expect(holds(Object.create({ and: 5, 'org.id': 'globex' }))).toBe(true)
  })

  it('refuse an operator that is not known', () => {
    expect(holds({ 'org.id': { toString: 'acme' } as object })).toBe(false)
  })

  it('are grouped', () => {
    const [yes, no] = [{ 'org.plan': 'pro' }, { 'org.plan': 'free' }] as const
    expect(holds({ and: [yes, yes] })).toBe(true)
    expect(holds({ and: [yes, no] })).toBe(false)
    expect(holds({ or: [no, yes] })).toBe(true)
    expect(holds({ or: [no, no] })).toBe(false)
    expect(holds({ not: no })).toBe(true)
    expect(holds({ not: { or: [no, { and: [yes, { not: no }] }] } })).toBe(false)
    expect(holds({ 'org.region': 'eu', or: [no, { 'actor.type': 'user' }] })).toBe(true)
    expect(holds({ 'org.region': 'us', or: [yes] })).toBe(false)
  })

  it('take nobody for a member of a segment that is not there', () => {
    expect(holds({ segment: 'gone' })).toBe(false)
    expect(holds({ segment: ['gone', 'lost'] })).toBe(false)
  })

  it('say whether the tenant alone decides, at any time', () => {
    const byTenant = (conditions: FlagConditions) =>
      compileConditions(conditions, { segment: () => undefined, now: () => 0 }).byTenant
    expect(
      byTenant({ 'org.plan': 'pro', or: [{ 'org.seats': 1 }], not: { 'org.created_at': { after: '2026-01-01' } } }),
    ).toBe(true)
    for (const path of ['actor.id', 'request.ip', 'context.x'] as const) {
      expect(byTenant({ [path]: 'x' })).toBe(false)
      expect(byTenant({ or: [{ 'org.id': 'x' }, { not: { [path]: 'x' } }] })).toBe(false)
    }
    expect(byTenant({ and: [{ 'org.created_at': { after: { ago: '1d' } } }] })).toBe(false)
  })

  it('take an address written as IPv6 for the IPv4 one that it is, and leave out its zone', () => {
    const at = (ip: string, cidr: string) =>
      holds({ 'request.ip': { cidr } }, { ...subject, request: { method: 'GET', path: '/', ip } })
    expect(at('::ffff:10.1.2.3', '10.0.0.0/8')).toBe(true)
    expect(at('::FFFF:11.1.2.3', '10.0.0.0/8')).toBe(false)
    expect(at('::ffff:a01:203', '10.0.0.0/8')).toBe(true)
    expect(at('::ffff:b01:203', '10.0.0.0/8')).toBe(false)
    expect(at('::a01:203', '10.0.0.0/8')).toBe(false)
    for (const ip of ['10.1.2.3', '::ffff:10.1.2.3', '::ffff:a01:203', '0:0:0:0:0:ffff:a01:203']) {
      expect([ip, at(ip, '::/0'), at(ip, '::/64'), at(ip, '::ffff:0:0/96'), at(ip, '0.0.0.0/0')]).toEqual([
        ip,
        false,
        false,
        true,
        true,
      ])
    }
    expect(at('fe80::1%eth0', 'fe80::/10')).toBe(true)
    expect(at('10.1.2.3.4', '0.0.0.0/0')).toBe(false)
    expect(at('', '0.0.0.0/0')).toBe(false)
  })
})

describe('forTenant', () => {
  it('is what holds for everybody of a tenant, and undecided only where they may differ', () => {
    const others: readonly FlagSubject[] = [
      subject,
      { tenant: subject.tenant, actor: { id: 'x', type: 'service' }, asOf: subject.asOf },
      { ...subject, request: undefined, attributes: { x: 5, version: 7 } },
    ]
    const segment = (name: string) =>
      name === 'eu' ? compileConditions({ 'org.region': 'eu' }, { segment: () => undefined, now: () => 0 }) : undefined
    fc.assert(
      fc.property(conditions, (given) => {
        const condition = compileConditions(given, { segment, now: () => 0 })
        const answer = condition.forTenant(subject)
        if (answer !== undefined) for (const each of others) expect(condition.holds(each)).toBe(answer)
        if (condition.byTenant) expect(answer).toBeDefined()
      }),
      { numRuns: 500 },
    )
  })
})
