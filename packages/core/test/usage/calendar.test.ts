import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { periodKey } from '../../src/storage/quota-period.ts'
import { type Calendar, calendars, periodOf, UTC_CALENDAR } from '../../src/usage/index.ts'

const DAY = 86_400_000
const HOUR = 3_600_000

const calendarOf = calendars((message) => expect.fail(message))

function calendar(timeZone?: string, billingAnchor?: string | number): Calendar {
  return calendarOf({
    id: 'acme',
    ...(timeZone !== undefined && { timeZone }),
    ...(billingAnchor !== undefined && { billingAnchor }),
  })
}

describe('a tenant’s day', () => {
  it.each([
    ['America/New_York', '2026-07-04T12:00Z', '2026-07-04T04:00Z', 24],
    ['America/New_York, an hour skipped', '2026-03-08T12:00Z', '2026-03-08T05:00Z', 23],
    ['America/New_York, an hour shown twice', '2026-11-01T12:00Z', '2026-11-01T04:00Z', 25],
    ['Asia/Kolkata, half an hour off, its last second', '2026-11-24T18:29:59Z', '2026-11-23T18:30Z', 24],
    ['Asia/Kolkata, half an hour off, its first', '2026-11-24T18:30:00Z', '2026-11-24T18:30Z', 24],
    ['Asia/Kathmandu, a quarter off', '2026-11-24T12:00Z', '2026-11-23T18:15Z', 24],
    ['Australia/Lord_Howe, half an hour shown twice', '2026-04-05T12:00Z', '2026-04-04T13:00Z', 24.5],
    ['America/Sao_Paulo, midnight skipped', '2018-11-04T03:00Z', '2018-11-04T03:00Z', 23],
    ['America/Sao_Paulo, before that', '2018-11-04T02:59:59.999Z', '2018-11-03T03:00Z', 24],
    ['America/Sao_Paulo, its last hour twice', '2018-02-18T02:30Z', '2018-02-17T02:00Z', 25],
    ['Africa/Cairo, midnight skipped', '2026-04-24T12:00Z', '2026-04-23T22:00Z', 23],
    ['Africa/Cairo, its last hour twice', '2026-10-29T21:30Z', '2026-10-28T21:00Z', 25],
    ['America/Havana, midnight twice', '2026-11-01T05:30Z', '2026-11-01T04:00Z', 25],
    ['America/St_Johns, back to the day before', '2010-11-07T02:45Z', '2010-11-07T02:30Z', 25],
    ['Pacific/Apia, before a day that never was', '2011-12-30T09:59Z', '2011-12-29T10:00Z', 24],
    ['Pacific/Apia, after it', '2011-12-30T10:00Z', '2011-12-30T10:00Z', 24],
    ['Pacific/Kiritimati, first into the year', '2026-12-31T10:00Z', '2026-12-31T10:00Z', 24],
    ['Africa/Monrovia, three quarters and 30 seconds off', '1970-06-01T12:00Z', '1970-06-01T00:44:30Z', 24],
  ])('%s, %s', (name, at, from, hours) => {
    const day = calendar(name.split(',')[0]).periodOf(Date.parse(at), 'day')
    expect(new Date(day.from).toISOString()).toBe(new Date(from).toISOString())
    expect((day.to - day.from) / HOUR).toBe(hours)
  })
})

describe('a tenant’s month', () => {
  const NEW_YORK = 'America/New_York'
  it.each([
    [NEW_YORK, undefined, '2026-11-01T03:59Z', '2026-10-01T04:00Z', '2026-11-01T04:00Z'],
    [NEW_YORK, undefined, '2026-12-31T23:00Z', '2026-12-01T05:00Z', '2027-01-01T05:00Z'],
    [undefined, 15, '2026-11-14T23:59:59Z', '2026-10-15T00:00Z', '2026-11-15T00:00Z'],
    ['UTC', 15, '2026-12-20T00:00Z', '2026-12-15T00:00Z', '2027-01-15T00:00Z'],
    ['UTC', 31, '2026-02-27T23:59Z', '2026-01-31T00:00Z', '2026-02-28T00:00Z'],
    ['UTC', 31, '2026-02-28T00:00Z', '2026-02-28T00:00Z', '2026-03-31T00:00Z'],
    ['UTC', 30, '2028-03-01T00:00Z', '2028-02-29T00:00Z', '2028-03-30T00:00Z'],
    ['UTC', 29, '2027-02-28T00:00Z', '2027-02-28T00:00Z', '2027-03-29T00:00Z'],
    ['UTC', '2026-01-31', '2026-04-30T00:00Z', '2026-04-30T00:00Z', '2026-05-31T00:00Z'],
    [
      'UTC',
      '2026-01-31T10:37:22.123Z',
      '2026-02-28T10:37:22.122Z',
      '2026-01-31T10:37:22.123Z',
      '2026-02-28T10:37:22.123Z',
    ],
    // 22:00 on the 14th in New York, in winter as in summer.
    [NEW_YORK, '2026-01-15T03:00:00Z', '2026-07-20T00:00Z', '2026-07-15T02:00Z', '2026-08-15T02:00Z'],
    [NEW_YORK, '2026-01-14T22:00', '2026-07-20T00:00Z', '2026-07-15T02:00Z', '2026-08-15T02:00Z'],
    // 02:30 does not exist on the 8th of March: the month begins when the clock skips it.
    [NEW_YORK, '2026-01-08T02:30:00-05:00', '2026-03-08T07:00Z', '2026-03-08T07:00Z', '2026-04-08T06:30Z'],
    // 01:30 exists twice on the 1st of November: it begins at the first.
    [NEW_YORK, '2026-06-01T01:30', '2026-11-01T06:00Z', '2026-11-01T05:30Z', '2026-12-01T06:30Z'],
    ['Asia/Kolkata', '2026-11-24T00:10', '2026-11-23T18:40Z', '2026-11-23T18:40Z', '2026-12-23T18:40Z'],
  ])('of %s from %s, %s', (zone, anchor, at, from, to) => {
    const month = calendar(zone, anchor).periodOf(Date.parse(at), 'month')
    const bounds = { from: Date.parse(from), to: Date.parse(to) }
    expect(month).toEqual({
      key: `${new Date(bounds.from).toISOString()}/${new Date(bounds.to).toISOString()}`,
      ...bounds,
    })
  })

  it('is UTC’s own, and called so, where nothing else is said', () => {
    const now = Date.parse('2026-11-24T18:00Z')
    for (const [zone, anchor] of [
      [undefined, undefined],
      ['UTC', undefined],
      ['utc', 1],
      [undefined, '2026-01-01'],
    ] as const) {
      const plain = calendar(zone, anchor)
      for (const unit of ['day', 'month'] as const) {
        expect(plain.current(now, unit)).toEqual(periodOf(now, unit))
        expect(plain.current(now, unit).key).toBe(periodKey(now, unit))
      }
      expect(plain.latestStart(now)).toBeUndefined()
    }
    expect(calendar(undefined, 15).current(now, 'day').key).toBe('2026-11-24')
    expect(calendar()).toBe(UTC_CALENDAR)
  })
})

describe('periods', () => {
  const zones = [
    'UTC',
    'America/New_York',
    'America/Sao_Paulo',
    'America/St_Johns',
    'America/Havana',
    'Africa/Cairo',
    'Africa/Casablanca',
    'Asia/Kathmandu',
    'Asia/Tehran',
    'Australia/Lord_Howe',
    'Europe/Dublin',
    'Pacific/Apia',
    'Pacific/Chatham',
    'Pacific/Kwajalein',
  ]
  const DATES = { noInvalidDate: true, min: new Date('1980-01-01'), max: new Date('2045-01-01') }
  const anchor = fc.oneof(
    fc.constant(undefined),
    fc.integer({ min: 1, max: 31 }),
    fc.date(DATES).map((date) => date.toISOString()),
  )
  /** Any moment, and those beside a bound of a day or an hour. */
  const moment = fc.oneof(
    fc.date(DATES).map((date) => date.getTime()),
    fc
      .tuple(fc.date(DATES), fc.constantFrom(HOUR / 4, HOUR, DAY), fc.integer({ min: -1, max: 1 }))
      .map(([date, unit, off]) => Math.round(date.getTime() / unit) * unit + off),
  )

  it('hold every moment once, one after the other', () => {
    const unit = fc.constantFrom('day' as const, 'month' as const)
    fc.assert(
      fc.property(fc.constantFrom(...zones), anchor, moment, unit, (zone, from, at, kind) => {
        const days = calendar(zone, from)
        const period = days.periodOf(at, kind)
        expect(period.from <= at && at < period.to).toBe(true)
        expect(days.periodOf(period.from, kind)).toEqual(period)
        expect(days.periodOf(period.to - 1, kind)).toEqual(period)
        expect(days.periodOf(period.from - 1, kind).to).toBe(period.from)
        expect(days.periodOf(period.to, kind).from).toBe(period.to)
        const longest = kind === 'day' ? 25 * HOUR : 31 * DAY + 2 * HOUR
        expect(period.to - period.from).toBeLessThanOrEqual(longest)
      }),
      { numRuns: 400 },
    )
  })

  it('are worked out once, until they end', () => {
    const days = calendar('Europe/Berlin', 24)
    const now = Date.parse('2026-11-24T18:00Z')
    const [day, month] = [days.current(now, 'day'), days.current(now, 'month')]
    expect(days.current(day.to - 1, 'day')).toBe(day)
    expect(days.current(now + DAY * 20, 'month')).toBe(month)
    days.periodOf(now + 90 * DAY, 'month')
    expect(days.current(now, 'month')).toBe(month)
    expect(days.current(day.to, 'day').from).toBe(day.to)
    expect(days.current(now, 'day')).toEqual(day)
    expect(days.latestStart(now)).toBe(day.from)
    expect(calendar('Europe/Berlin', 24)).toBe(days)
  })
})
