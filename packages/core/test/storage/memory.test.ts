import { describe, expect, it } from 'vitest'
import { encodeBatch } from '../../src/storage/journal-record.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { storageContract } from '../../src/testing/storage-contract.ts'

describe('memoryStorage', () => {
  for (const { name, run } of storageContract({
    name: 'memory',
    async create() {
      const storage = memoryStorage()
      return { storage, destroy: () => storage.records.close() }
    },
  })) {
    it(name, run)
  }

  it('keeps the newest records of each tenant, and what belongs to them', async () => {
    const { records } = memoryStorage({ maxRecordsPerTenant: 50 })
    let now = 1_000
    await records.open({ kinds: [], usage: true, migrate: 'auto', durability: 'process', now: () => now })
    for (let seq = 1; seq <= 30; seq++) {
      now += 1_000
      const lines = Array.from({ length: 10 }, (_, i) =>
        JSON.stringify({
          id: `r${seq}-${i}`,
          tenant: 'acme',
          at: now,
          actor: { type: 'user', id: 'u' },
          events: [{ action: 'x.done', notable: true }],
        }),
      )
      await records.append({ writer: 'w', seq, lane: 0, body: encodeBatch(lines) })
      await records.project({ lane: 0, holder: 'p', leaseMs: 1, maxRows: 1 })
    }
    for (const query of [{}, { actions: ['x.done'] }]) {
      const page = await records.timeline({ tenant: 'acme', limit: 1_000, ...query })
      expect(page.events.map((event) => event.seq)).toEqual(Array.from({ length: 50 }, (_, i) => 300 - i))
    }
  })
})
