import { LRUCache } from 'lru-cache'

/** Keys remembered at the most. */
const MAX_KEYS = 10_000

/**
 * Idempotency keys this process took quota for lately. The ledger decides what counts; this only keeps a repeated call
 * from being refused because its own first one had used the quota up.
 */
export class RecentKeys {
  readonly #takes = new LRUCache<string, Promise<unknown>>({ max: MAX_KEYS })

  /** Takes once per key; answers whether this call was the one that took. A take that failed is not remembered. */
  async once(tenant: string, meter: string, key: string, take: () => Promise<unknown>): Promise<boolean> {
    const id = `${tenant}\n${meter}\n${key}`
    for (;;) {
      const known = this.#takes.get(id)
      if (!known) break
      try {
        await known
        return false
      } catch {
        if (this.#takes.get(id) === known) this.#takes.delete(id)
      }
    }
    const taking = take()
    this.#takes.set(id, taking)
    try {
      await taking
      return true
    } catch (error) {
      if (this.#takes.get(id) === taking) this.#takes.delete(id)
      throw error
    }
  }
}
