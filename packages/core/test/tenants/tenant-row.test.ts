import { afterEach, expect, it } from 'vitest'
import { createThroughline, currentTenant } from '../../src/index.ts'
import { tenantFromRow } from '../../src/tenants/index.ts'

const { TZ } = process.env
afterEach(() => {
  if (TZ === undefined) delete process.env.TZ
  else process.env.TZ = TZ
})

it.each([
  ['2026-11-24 12:00:00', '2026-11-24T12:00:00.000Z'],
  ['2026-11-24', '2026-11-24T00:00:00.000Z'],
  ['2026-11-24 12:00:00+02', '2026-11-24T10:00:00.000Z'],
  ['Tue, 24 Nov 2026 10:00:00 GMT', '2026-11-24T10:00:00.000Z'],
  [Date.UTC(2026, 10, 24), '2026-11-24T00:00:00.000Z'],
  ['some day', undefined],
])('a row made at %j is as old wherever the process runs', (created_at, expected) => {
  for (const zone of ['America/New_York', 'Asia/Tokyo']) {
    process.env.TZ = zone
    expect(tenantFromRow({ id: 'acme', created_at }).createdAt).toBe(expected)
  }
})

it('a row may be of an interface or a class of the app’s, or whatever has an id', async () => {
  interface Organization {
    id: string
    plan: string
    seats: number
  }
  class Account {
    readonly id: string
    readonly plan = null
    constructor(id: string) {
      this.id = id
    }
    get seats(): number {
      return 5
    }
  }
  const organizations = new Map<string, Organization>([['acme', { id: 'acme', plan: 'pro', seats: 5 }]])
  const instances = [
    createThroughline({
      tenants: { load: async (id) => organizations.get(id), list: () => organizations.values() },
    }),
    createThroughline({ tenants: { load: (id): Account => new Account(id), list: () => ['acme'] } }),
    createThroughline({ tenants: { load: (id) => ({ id, plan: 'pro', seats: 5 }) } }),
    // @ts-expect-error a row without an id
    createThroughline({ tenants: { load: () => ({ plan: 'pro', seats: 5 }) } }),
    // @ts-expect-error a plan is a name
    createThroughline({ tenants: { load: (id) => ({ id, plan: 5 }) } }),
  ]
  const [of] = instances
  expect(await of?.run({ tenant: 'acme', actor: { id: 'ada' } }, () => currentTenant())).toMatchObject({
    plan: 'pro',
    attributes: { seats: 5 },
  })
  await Promise.all(instances.map((each) => each.close()))
})

it('a column may have any name, and what it says is nobody’s to change', () => {
  const row = JSON.parse('{ "id": "acme", "__proto__": { "plan": "pro" }, "attributes": { "seats": { "used": 1 } } }')
  const { attributes } = tenantFromRow(row)
  expect(Object.getPrototypeOf(attributes)).toBe(Object.prototype)
  expect(Object.keys(attributes)).toEqual(['seats', '__proto__'])
  expect(Object.isFrozen(attributes) && Object.isFrozen(attributes.seats)).toBe(true)
})
