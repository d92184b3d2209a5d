import { afterAll, expect, it } from 'vitest'
import { createThroughline, perMinute } from '../../src/index.ts'

const throughline = createThroughline({
  flags: { 'new-reports': { default: false }, layout: { variants: { wide: 1, slim: 2 }, default: 'wide' } },
  limits: { api: perMinute(2), search: perMinute(1) },
  meters: { reports: { aggregate: 'count' }, bytes: { aggregate: 'sum' } },
  plans: { free: {}, pro: {} },
})
/** As plain JavaScript sees them: any text is a key. */
const guards = throughline.guards as unknown as Record<string, (...names: unknown[]) => { name: string }>
const withoutCatalog = createThroughline()
const bare = withoutCatalog.guards as unknown as typeof guards
afterAll(() => Promise.all([throughline.close(), withoutCatalog.close()]))

it('takes what the catalog declares', () => {
  expect(guards.requireFlag?.('new-reports').name).toBe('flag:new-reports')
  expect(guards.rateLimit?.('api', { cost: 2 }).name).toBe('limit:api')
  expect(throughline.guards.rateLimit(['api', 'search']).name).toBe('limit:api+search')
  expect(guards.meter?.('reports', { quantity: 1 }).name).toBe('meter:reports')
  expect(guards.meter?.('bytes', { quantity: 2 }).name).toBe('meter:bytes')
  expect(guards.requirePlan?.('free', 'pro').name).toBe('plan:free|pro')
  expect(guards.requireRole?.('admin').name).toBe('role:admin')
})

it.each([
  [
    'requireFlag',
    ['new-repots'],
    'guards.requireFlag: the catalog has no flag "new-repots". Did you mean "new-reports"?',
  ],
  ['requireFlag', ['layout'], 'guards.requireFlag: the catalog has no boolean flag "layout".'],
  ['requireFlag', ['toString'], 'guards.requireFlag: the catalog has no flag "toString".'],
  ['rateLimit', ['apis'], 'guards.rateLimit: the catalog has no limit "apis". Did you mean "api"?'],
  ['rateLimit', [['api', 'serch']], 'guards.rateLimit: the catalog has no limit "serch". Did you mean "search"?'],
  ['rateLimit', ['api', 5], 'rateLimit: its options must be { cost }, not 5.'],
  ['meter', ['reports', null], 'meter: its options must be { quantity }, not null.'],
  ['meter', ['reports', { quantity: 2 }], 'guards.meter: "reports" counts calls, so "quantity" is 1 and not 2;'],
  ['meter', ['report'], 'guards.meter: the catalog has no meter "report". Did you mean "reports"?'],
  ['requirePlan', ['free', 'por'], 'guards.requirePlan: the catalog has no plan "por". Did you mean "pro"?'],
])('%s(%j) is refused where it is made', (name, names, message) => {
  expect(() => guards[name]?.(...names)).toThrow(message)
  expect(() => guards[name]?.(...names)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
})

it('refuses every flag, limit and meter where the catalog has none, and leaves plans to the app', () => {
  for (const name of ['requireFlag', 'rateLimit', 'meter'])
    expect(() => bare[name]?.('x')).toThrow('the catalog has no')
  expect(bare.requirePlan?.('pro').name).toBe('plan:pro')
})

it('says of no name at all what it needs', () => {
  for (const name of ['requireFlag', 'rateLimit', 'meter', 'requirePlan', 'requireRole']) {
    expect(() => guards[name]?.()).toThrow(/it needs the name of a/)
  }
})
