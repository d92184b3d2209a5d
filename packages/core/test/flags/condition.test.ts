import { describe, expect, it } from 'vitest'
import type { FlagCondition } from '../../src/catalog/definitions.ts'
import type { FlagSubject } from '../../src/flags/attribute.ts'
import { compileConditions } from '../../src/flags/condition.ts'

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
      plan: 'what the app calls so is not the plan',
    },
  },
  actor: { id: 'u1', type: 'user', roles: ['admin', 'billing'] },
}

const cases: readonly [path: `org.${string}` | `actor.${string}`, condition: FlagCondition, holds: boolean][] = [
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
  ['org.region', { before: '2026-06-01' }, false],
  ['org.seats', 25, true],
  ['org.seats', '25', false],
  ['org.seats', { gt: 24, lte: 25 }, true],
  ['org.seats', { gt: 25 }, false],
  ['org.seats', { gte: 25, lt: 26 }, true],
  ['org.seats', { gt: '1' }, false],
  ['org.region', { gte: 'eu', lt: 'ev' }, true],
  ['org.beta', true, true],
  ['org.beta', { eq: false }, false],
  ['org.nothing', null, true],
  ['org.absent', null, true],
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
]

describe('conditions', () => {
  it.each(cases)('%s %j is %s', (path, condition, holds) => {
    expect(compileConditions({ [path]: condition })(subject)).toBe(holds)
  })

  it('all hold, or none does', () => {
    expect(compileConditions({ 'org.plan': 'pro', 'org.seats': 25, 'actor.roles': 'admin' })(subject)).toBe(true)
    expect(compileConditions({ 'org.plan': 'pro', 'org.seats': 25, 'actor.roles': 'owner' })(subject)).toBe(false)
    expect(compileConditions({})(subject)).toBe(true)
  })

  it('refuse an operator that is not known', () => {
    expect(compileConditions({ 'org.id': { toString: 'acme' } as object })(subject)).toBe(false)
  })
})
