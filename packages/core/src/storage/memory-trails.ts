import type { NotableEvent, Projection } from './fold-journal.ts'
import type { TimelinePage, TimelineQuery, UsageQuery, UsageTotal } from './records.ts'
import type { Segment, TrailHead } from './segment.ts'
import { isNotableQuery, TrailPage } from './trail-page.ts'
import type { LedgerEntry, UsageKey, UsageRollup } from './usage-fold.ts'
import { usageKeyId } from './usage-fold.ts'

interface Trail {
  head: TrailHead
  /** Oldest first. */
  segments: Segment[]
  notable: NotableEvent[]
  readonly repeats: Map<string, { readonly at: number; count: number }>
  /** Keys in the order in which they came. */
  readonly ledger: Map<string, LedgerEntry>
  readonly rollups: Map<string, UsageRollup>
  records: number
}

/** Trails, ledgers and roll-ups of the storage in memory: bounded, the newest are kept. */
export class MemoryTrails {
  readonly #trails = new Map<string, Trail>()
  readonly #maxRecords: number

  constructor(maxRecordsPerTenant: number) {
    this.#maxRecords = maxRecordsPerTenant
  }

  heads(tenants: readonly string[]): Map<string, TrailHead> {
    const heads = new Map<string, TrailHead>()
    for (const tenant of tenants) {
      const trail = this.#trails.get(tenant)
      if (trail) heads.set(tenant, trail.head)
    }
    return heads
  }

  /** Those of the keys that the ledger has. */
  counted(keys: readonly UsageKey[]): Set<string> {
    return new Set(keys.map(usageKeyId).filter((id) => this.#trails.get(JSON.parse(id)[0])?.ledger.has(id)))
  }

  apply(projection: Projection): void {
    for (const segment of projection.segments) {
      const trail = this.#trail(segment.tenant)
      trail.segments.push(segment)
      trail.records += segment.count
    }
    for (const [tenant, head] of projection.heads) this.#trail(tenant).head = head
    for (const event of projection.notable) this.#trail(event.tenant).notable.push(event)
    for (const { tenant, of, at, count } of projection.repeats) {
      const { repeats } = this.#trail(tenant)
      const known = repeats.get(of)
      if (known) known.count += count
      else repeats.set(of, { at, count })
    }
    for (const entry of projection.ledger) {
      const { ledger } = this.#trail(entry.tenant)
      ledger.set(usageKeyId(entry), entry)
    }
    for (const { tenant, meter, hour, quantity, count } of projection.rollups) {
      const { rollups } = this.#trail(tenant)
      const id = `${hour} ${meter}`
      const known = rollups.get(id) ?? { quantity: 0, count: 0 }
      rollups.set(id, { tenant, meter, hour, quantity: known.quantity + quantity, count: known.count + count })
    }
    for (const tenant of projection.heads.keys()) this.#trim(this.#trail(tenant))
  }

  timeline(query: TimelineQuery): TimelinePage {
    const page = new TrailPage(query)
    const trail = this.#trails.get(query.tenant)
    if (!trail) return page.page()
    const repeats = new Map([...trail.repeats].map(([of, { count }]) => [of, count]))
    if (isNotableQuery(query)) {
      for (let i = trail.notable.length - 1; i >= 0; i--) {
        if (page.addNotable(trail.notable[i] as NotableEvent, repeats)) break
      }
    } else {
      for (let i = trail.segments.length - 1; i >= 0; i--) {
        if (page.addSegment(trail.segments[i] as Segment, repeats)) break
      }
    }
    return page.page()
  }

  usage({ tenant, meter, from, to }: UsageQuery): readonly UsageTotal[] {
    const totals = new Map<string, UsageTotal>()
    for (const rollup of this.#trails.get(tenant)?.rollups.values() ?? []) {
      if (rollup.hour < from || rollup.hour >= to || (meter !== undefined && rollup.meter !== meter)) continue
      const sum = totals.get(rollup.meter) ?? { meter: rollup.meter, quantity: 0, count: 0 }
      totals.set(rollup.meter, {
        meter: rollup.meter,
        quantity: sum.quantity + rollup.quantity,
        count: sum.count + rollup.count,
      })
    }
    return [...totals.values()].sort((a, b) => (a.meter < b.meter ? -1 : 1))
  }

  #trail(tenant: string): Trail {
    let trail = this.#trails.get(tenant)
    if (!trail) {
      trail = {
        head: { seq: 0, hash: '' },
        segments: [],
        notable: [],
        repeats: new Map(),
        ledger: new Map(),
        rollups: new Map(),
        records: 0,
      }
      this.#trails.set(tenant, trail)
    }
    return trail
  }

  #trim(trail: Trail): void {
    const { segments, ledger, repeats } = trail
    let dropped = 0
    for (
      let oldest = segments[0];
      oldest && trail.records - oldest.count >= this.#maxRecords;
      oldest = segments[dropped]
    ) {
      trail.records -= oldest.count
      dropped += 1
    }
    if (dropped > 0) {
      trail.segments = segments.slice(dropped)
      const first = trail.segments[0] as Segment
      trail.notable = trail.notable.filter((event) => event.seq >= first.firstSeq)
      for (const [of, { at }] of repeats) if (at < first.from) repeats.delete(of)
    }
    for (const key of ledger.keys()) {
      if (ledger.size <= this.#maxRecords) break
      ledger.delete(key)
    }
  }
}
