import { expect, it } from 'vitest'
import { overridesOf } from '../../src/flags/changes/tenant-overrides.ts'

it('reading many overrides lets others run between two pages, however fast they come', async () => {
  const pages = 20
  let read = 0
  let readWhenOthersRan = pages
  setImmediate(() => {
    readWhenOthersRan = read
  })
  const page = Array.from({ length: 1_000 }, (_, i) => {
    return { kind: 'flag_overrides', tenant: `t${i}`, key: 'exports', value: { value: true }, version: 1 } as const
  })
  const found = await overridesOf(async () => (++read < pages ? page : []), new Set(['exports']), 0)
  expect(found.size).toBe(1_000)
  expect(readWhenOthersRan).toBeLessThan(pages / 2)
})
