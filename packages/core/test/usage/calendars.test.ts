import { describe, expect, it } from 'vitest'
import { tenantFromRow } from '../../src/tenants/index.ts'
import { calendarProblems, calendars, UTC_CALENDAR } from '../../src/usage/index.ts'

const NOW = Date.parse('2026-11-24T18:00Z')

describe('calendars', () => {
  it('warns once of what it can not read, and counts as if that were not given', () => {
    const warnings: string[] = []
    const calendarOf = calendars((message) => warnings.push(message))
    for (const id of ['acme', 'globex']) {
      const month = calendarOf({ id, timeZone: 'Europe/Berln', billingAnchor: 15 }).current(NOW, 'month')
      expect(month.key).toBe('2026-11-15T00:00:00.000Z/2026-12-15T00:00:00.000Z')
    }
    const berlin = calendarOf({ id: 'acme', timeZone: 'Europe/Berlin', billingAnchor: 'the 3rd' })
    expect(berlin.current(NOW, 'month').from).toBe(Date.parse('2026-10-31T23:00Z'))
    expect(calendarOf({ id: 'acme', timeZone: 'x' }).current(NOW, 'month').key).toBe('2026-11')
    expect(warnings).toHaveLength(3)
    expect(warnings[0]).toMatch(
      /Tenant "acme": "timeZone" must be .* not "Europe\/Berln"\. Did you mean "Europe\/Berlin"\?/,
    )
    expect(warnings[1]).toMatch(/"billingAnchor" must be a day of the month .* not "the 3rd"/)
  })

  it('takes whoever says nothing for UTC', () => {
    expect(calendars(expect.fail)({ id: 'acme' })).toBe(UTC_CALENDAR)
  })
})

describe('calendarProblems', () => {
  it.each(['Europe/Berlin', 'UTC', 'Etc/GMT+5', 'asia/kolkata'])('takes the zone %s', (timeZone) => {
    expect(calendarProblems({ timeZone })).toEqual([])
  })

  it.each(['', 'Berlin', '+05:30', 'Europe/Berlin\u0000', '__proto__', 'x'.repeat(10_000)])(
    'refuses the zone %j',
    (timeZone) => {
      const [problem = '', ...more] = calendarProblems({ timeZone })
      expect(problem).toMatch(/^"timeZone" must be an IANA time zone/)
      expect(problem.length).toBeLessThan(300)
      expect(more).toEqual([])
    },
  )

  it.each([
    1,
    31,
    '2026-01-31',
    '2026-01-31T10:37',
    '2026-01-31 10:37:22.123+02',
    '2026-01-31T10:37:22Z',
    '2026-01-31T10:37:22+0530',
  ])('takes the anchor %j', (billingAnchor) => {
    expect(calendarProblems({ billingAnchor })).toEqual([])
  })

  it.each([
    0,
    32,
    1.5,
    -1,
    Number.NaN,
    NOW,
    '',
    '15',
    '2026-02-30',
    '2026-13-01',
    '2026-01-31T25:00',
    '31.01.2026',
    'Invalid Date',
  ])('refuses the anchor %j', (billingAnchor) => {
    expect(calendarProblems({ billingAnchor })).toEqual([expect.stringMatching(/^"billingAnchor" must be/)])
  })

  it('names all that is wrong', () => {
    expect(calendarProblems({ timeZone: 'Mars', billingAnchor: 0 })).toHaveLength(2)
  })
})

describe('a row of the app’s own', () => {
  it('says its calendar by either spelling, and keeps it among its attributes', () => {
    const at = new Date('2026-01-31T10:37:22Z')
    const tenant = tenantFromRow({ id: 'acme', time_zone: 'Asia/Tokyo', billing_anchor: at })
    expect(tenant).toMatchObject({ timeZone: 'Asia/Tokyo', billingAnchor: '2026-01-31T10:37:22.000Z' })
    expect(tenant.attributes.time_zone).toBe('Asia/Tokyo')
    expect(tenantFromRow({ id: 'acme', timeZone: 'Asia/Tokyo', billingAnchor: 15 })).toMatchObject({
      timeZone: 'Asia/Tokyo',
      billingAnchor: 15,
    })
    expect(tenantFromRow({ id: 'acme', attributes: { timeZone: 'Asia/Tokyo' } }).timeZone).toBe('Asia/Tokyo')
  })

  it('says nothing by null, an empty text, or what it inherits', () => {
    const attributes = Object.create({ timeZone: 'Asia/Tokyo' }) as Record<string, unknown>
    for (const row of [{ timeZone: null, billingAnchor: null }, { timeZone: '' }, { attributes }]) {
      expect(Object.keys(tenantFromRow({ id: 'acme', ...row }))).toEqual(['id', 'status', 'attributes'])
    }
  })
})
