import { expect, it } from 'vitest'
import { allOverrides, someOverrides } from '../../src/flags/changes/tenant-overrides.ts'
import type { ListQuery, StoredDocument } from '../../src/storage/records.ts'

const KEYS: ReadonlySet<string> = new Set(['exports'])

function override(tenant: string): StoredDocument {
  return { kind: 'flag_overrides', tenant, key: 'exports', value: { value: true }, version: 1 }
}

/** Lists overrides of so many tenants, and counts what it has read. */
class Listed {
  readonly #all: readonly StoredDocument[]
  queries: ListQuery[] = []
  read = 0

  constructor(tenants: number) {
    this.#all = Array.from({ length: tenants }, (_, i) => override(`t${String(i).padStart(6, '0')}`))
  }

  readonly list = async (query: ListQuery): Promise<readonly StoredDocument[]> => {
    this.queries.push(query)
    const { tenant, after, limit } = query
    const page = this.#all
      .filter((one) => (tenant ?? one.tenant) === one.tenant && one.tenant > (after?.tenant ?? ''))
      .slice(0, limit)
    this.read += page.length
    return page
  }
}

it('reading many overrides lets others run between two pages, however fast they come', async () => {
  const pages = 20
  let read = 0
  let readWhenOthersRan = pages
  setImmediate(() => {
    readWhenOthersRan = read
  })
  const page = Array.from({ length: 1_000 }, (_, i) => override(`t${i}`))
  const found = await allOverrides(async () => (++read < pages ? page : []), KEYS, 0)
  for (const { tenant } of page) expect(await found(tenant)).toEqual(new Map([['exports', true]]))
  expect(readWhenOthersRan).toBeLessThan(pages / 2)
})

it('few overrides are read at once', async () => {
  const listed = new Listed(100)
  const found = await someOverrides(listed.list, KEYS, 0)
  for (let i = 0; i < 100; i++) expect(await found(`t${String(i).padStart(6, '0')}`)).toBeDefined()
  expect(await found('nobody')).toBeUndefined()
  expect(listed.queries).toHaveLength(1)
})

it('of many, those of the tenants that are looked at are read, however many others there are', async () => {
  const listed = new Listed(60_000)
  const found = await someOverrides(listed.list, KEYS, 0)
  expect(await found('t059999')).toEqual(new Map([['exports', true]]))
  expect(await found('nobody')).toBeUndefined()
  expect(listed.read).toBeLessThan(30_000)
})
