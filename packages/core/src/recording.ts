import { SEEN_SCOPE, SeenFlags } from './flags/index.ts'
import { Journal } from './journal/index.ts'
import type { Settings } from './settings.ts'
import { detached, Telemetry } from './telemetry/index.ts'
import { unavailable } from './unavailable.ts'

/** What is recorded, and what is told of it. */
export interface Recording {
  readonly journal: Journal
  readonly telemetry: Telemetry
  readonly seen: SeenFlags
}

/** Makes what records: the journal, and who hears of what goes into it. */
export function openRecording(settings: Settings, now: () => number, onFailure: (error: unknown) => void): Recording {
  const { records } = settings.storage
  const telemetry = new Telemetry({
    ...settings.telemetry,
    async measure() {
      const { backlog, spilledBytes, failures, projectorLagMs } = await journal.health()
      return { rows: backlog?.rows, ageMs: backlog?.ageMs, lagMs: projectorLagMs, failures, spilledBytes }
    },
    now,
  })
  const journal: Journal = new Journal({
    ...settings.journal,
    records,
    spill: spillOf(settings),
    now,
    onFailure,
    decisions: () => telemetry.decisions,
    ...(settings.catalog.flags && { folded: (template, at) => seen.folded(template, at) }),
    detached,
  })
  const seen = new SeenFlags({
    read: () => records.read({ tenant: SEEN_SCOPE, kinds: ['definitions'] }).catch(unavailable),
    write: async (writes) => void (await journal.commit(SEEN_SCOPE, { writes, quotas: [] }, [])),
    now,
    onFailure,
  })
  return { journal, telemetry, seen }
}

/** Batches that can't be appended wait beside the data, or where the app says. Memory has nothing to lose them to. */
function spillOf({ storage, journal }: Settings): { directory: string; maxBytes: number } | undefined {
  if (journal.spill === false || storage.records.name === 'memory') return undefined
  const directory = journal.spill.directory ?? storage.records.spillDirectory
  return directory === undefined ? undefined : { directory, maxBytes: journal.spill.maxBytes }
}
