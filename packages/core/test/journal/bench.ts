import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FaultyRecords } from '../../../../test/faulty-records.ts'
import { newId } from '../../src/clock.ts'
import type { JournalOptions } from '../../src/journal/index.ts'
import { Journal } from '../../src/journal/index.ts'
import type { TimelineEvent } from '../../src/storage/index.ts'
import { memoryStorage } from '../../src/storage/index.ts'

/** A journal on a storage that can be broken, with a spill folder and a clock of its own. */
export class JournalBench {
  readonly records: FaultyRecords = new FaultyRecords(memoryStorage({ maxRecordsPerTenant: 100_000 }).records)
  readonly failures: unknown[] = []
  readonly directory: string
  now = 1_700_000_000_000
  readonly #journals: Journal[] = []

  private constructor(directory: string) {
    this.directory = directory
  }

  static async open(): Promise<JournalBench> {
    const bench = new JournalBench(await mkdtemp(join(tmpdir(), 'throughline-journal-')))
    await bench.records.open({ kinds: [], usage: true, migrate: 'auto', durability: 'process', now: () => bench.now })
    return bench
  }

  /** Another process's journal on the same storage, as far as the storage can tell. */
  journal(options: Partial<JournalOptions> & { readonly maxBytes?: number } = {}): Journal {
    const { maxBytes = 1 << 20, ...rest } = options
    const journal = new Journal({
      records: this.records,
      lanes: 1,
      spill: { directory: this.directory, maxBytes },
      durability: 'process',
      drainTimeout: 1_000,
      project: true,
      now: () => this.now,
      onFailure: (error) => this.failures.push(error),
      ...rest,
    })
    this.#journals.push(journal)
    return journal
  }

  /** A record's line with one event, `test.<name>`. */
  line(name: string, tenant = 'acme'): string {
    return JSON.stringify({
      id: newId(this.now),
      tenant,
      at: this.now,
      actor: { type: 'user', id: 'ada' },
      events: [{ action: `test.${name}` }],
    })
  }

  /** A tenant's whole trail, oldest first. */
  async trail(tenant = 'acme'): Promise<readonly TimelineEvent[]> {
    const events: TimelineEvent[] = []
    let before: { seq: number; index: number } | undefined
    for (;;) {
      const page = await this.records.timeline({ tenant, limit: 1_000, ...(before && { before }) })
      events.push(...page.events)
      if (!page.next) return events.reverse()
      before = page.next
    }
  }

  async names(tenant = 'acme'): Promise<readonly string[]> {
    return (await this.trail(tenant)).map(({ action }) => action.slice('test.'.length))
  }

  async destroy(): Promise<void> {
    this.records.heal()
    await Promise.all(this.#journals.map((journal) => journal.close()))
    await rm(this.directory, { recursive: true, force: true })
  }
}
