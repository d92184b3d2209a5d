import { setImmediate } from 'node:timers/promises'
import type { DocumentKind, ListQuery, StoredDocument } from '../../storage/records.ts'
import type { Json } from '../../vocabulary.ts'
import { readFlagOverrides } from '../flag-overrides.ts'
import type { Overrides } from './tenant-outcomes.ts'

const PAGE = 1_000

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

/** Overrides of some flags that count now, by tenant. */
export async function overridesOf(
  list: (query: ListQuery) => Promise<readonly StoredDocument[]>,
  keys: ReadonlySet<string>,
  now: number,
): Promise<ReadonlyMap<string, Overrides>> {
  const found = new Map<string, Map<string, Json>>()
  for await (const document of everyDocument(list, 'flag_overrides')) {
    if (!keys.has(document.key)) continue
    for (const [key, value] of readFlagOverrides([document], now).values) {
      const own = found.get(document.tenant)
      if (own) own.set(key, value)
      else found.set(document.tenant, new Map([[key, value]]))
    }
  }
  return found
}
