import { setImmediate } from 'node:timers/promises'
import type { MaybePromise } from '../../maybe-promise.ts'
import type { DocumentKind, ListQuery, StoredDocument } from '../../storage/records.ts'
import type { Json } from '../../vocabulary.ts'
import { readFlagOverrides } from '../flag-overrides.ts'
import type { Overrides } from './tenant-outcomes.ts'

const PAGE = 1_000
/** Where there are fewer overrides than this, reading all of them is faster than those of each tenant. */
const FEW = 20_000

/** Every document of a kind, or those of one tenant, read page by page. */
export async function* everyDocument(
  list: (query: ListQuery) => Promise<readonly StoredDocument[]>,
  kind: DocumentKind,
  tenant?: string,
): AsyncGenerator<StoredDocument, void, undefined> {
  let last: StoredDocument | undefined
  for (;;) {
    const page = await list({
      kind,
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

type List = (query: ListQuery) => Promise<readonly StoredDocument[]>

/** Overrides of some flags that count at a time, ms, for whoever looks at every tenant: all are read. */
export async function allOverrides(list: List, keys: ReadonlySet<string>, at: number): Promise<OverridesBy> {
  const found = await byTenant(everyDocument(list, 'flag_overrides'), keys, at)
  return (tenant) => found.get(tenant)
}

/** The same for whoever looks at some tenants: where there are many overrides, those of each tenant are read. */
export async function someOverrides(list: List, keys: ReadonlySet<string>, at: number): Promise<OverridesBy> {
  const few: StoredDocument[] = []
  for await (const document of everyDocument(list, 'flag_overrides')) if (few.push(document) === FEW) break
  if (few.length === FEW) {
    return async (tenant) => (await byTenant(everyDocument(list, 'flag_overrides', tenant), keys, at)).get(tenant)
  }
  const found = await byTenant(few, keys, at)
  return (tenant) => found.get(tenant)
}

async function byTenant(
  documents: AsyncIterable<StoredDocument> | Iterable<StoredDocument>,
  keys: ReadonlySet<string>,
  at: number,
): Promise<ReadonlyMap<string, Overrides>> {
  const found = new Map<string, Map<string, Json>>()
  for await (const document of documents) {
    if (!keys.has(document.key)) continue
    for (const [key, value] of readFlagOverrides([document], at).values) {
      const own = found.get(document.tenant)
      if (own) own.set(key, value)
      else found.set(document.tenant, new Map([[key, value]]))
    }
  }
  return found
}
