import { setImmediate } from 'node:timers/promises'
import type { MaybePromise } from '../../maybe-promise.ts'
import type { ListQuery, StoredDocument } from '../../storage/records.ts'
import type { Json } from '../../vocabulary.ts'
import { readOverride } from '../stored-override.ts'
import type { Overrides } from './tenant-outcomes.ts'

const PAGE = 1_000
/** Where there are fewer overrides than this, reading all of them is faster than those of each tenant. */
const FEW = 20_000

type List = (query: ListQuery) => Promise<readonly StoredDocument[]>

/** Every override there is, or those of one tenant, read page by page. */
async function* everyOverride(list: List, tenant?: string): AsyncGenerator<StoredDocument, void, undefined> {
  let last: StoredDocument | undefined
  for (;;) {
    const page = await list({
      kind: 'flag_overrides',
      limit: PAGE,
      ...(tenant !== undefined && { tenant }),
      ...(last && { after: { tenant: last.tenant, key: last.key } }),
    })
    yield* page
    last = page.at(-1)
    if (page.length < PAGE) return
    // A storage that answers at once must not keep everything else waiting.
    await setImmediate()
  }
}

/** Overrides of a tenant's; `undefined` if it has none. */
export type OverridesBy = (tenant: string) => MaybePromise<Overrides | undefined>

/** Overrides of some flags that count at a time, ms, for whoever looks at every tenant: all are read. */
export async function allOverrides(list: List, keys: ReadonlySet<string>, at: number): Promise<OverridesBy> {
  const found = await overridesByTenant(everyOverride(list), keys, at)
  return (tenant) => found.get(tenant)
}

/** The same for whoever looks at some tenants: where there are many overrides, those of each tenant are read. */
export async function someOverrides(list: List, keys: ReadonlySet<string>, at: number): Promise<OverridesBy> {
  const few: StoredDocument[] = []
  for await (const document of everyOverride(list)) if (few.push(document) === FEW) break
  if (few.length === FEW) {
    return async (tenant) => (await overridesByTenant(everyOverride(list, tenant), keys, at)).get(tenant)
  }
  const found = await overridesByTenant(few, keys, at)
  return (tenant) => found.get(tenant)
}

async function overridesByTenant(
  documents: AsyncIterable<StoredDocument> | Iterable<StoredDocument>,
  keys: ReadonlySet<string>,
  at: number,
): Promise<ReadonlyMap<string, Overrides>> {
  const found = new Map<string, Map<string, Json>>()
  for await (const document of documents) {
    const { tenant, key, value } = document
    const override = keys.has(key) ? readOverride(value, at) : undefined
    if (!override) continue
    const own = found.get(tenant)
    if (own) own.set(key, override.value)
    else found.set(tenant, new Map([[key, override.value]]))
  }
  return found
}
