import { afterEach, expect, it } from 'vitest'
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
