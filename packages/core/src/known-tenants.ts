import type { FlagNotice } from './flags/index.ts'
import { changedFlags, DueChanges, Outages, RankedTenants } from './flags/index.ts'
import type { Journal } from './journal/index.ts'
import { Listeners } from './listeners.ts'
import type { Settings } from './settings.ts'
import type { SnapshotMaker, TenantSnapshot } from './snapshots.ts'
import { documentKinds, snapshotMaker } from './snapshots.ts'
import type { TenantDirectory } from './tenants/index.ts'
import { appDirectory, ourDirectory, TenantState } from './tenants/index.ts'
import { unavailable } from './unavailable.ts'
import { calendars } from './usage/index.ts'
import { PLATFORM } from './vocabulary.ts'

/** What this process knows of tenants, and who is told when that changes. */
export interface KnownTenants {
  readonly directory: TenantDirectory
  readonly tenants: TenantState<TenantSnapshot>
  readonly snapshots: SnapshotMaker
  readonly ranks: RankedTenants
  /** Of flags that may serve something else now. */
  readonly notices: Listeners<FlagNotice>
  /** Of tenants whose state has changed, by id. */
  readonly tenantChanges: Listeners<string>
  /** The records are open. */
  start(): Promise<void>
  /** The journal has started: what is due may be told from now on. */
  watchDue(): void
  stop(): void
}

/** Makes what knows tenants: where they are found, and their snapshots, kept current. */
export function knowTenants(
  settings: Settings,
  journal: Journal,
  now: () => number,
  onFailure: (error: unknown) => void,
): KnownTenants {
  const { catalog, logger } = settings
  const { records } = settings.storage
  const warn = (message: string): void => logger.warn(`throughline: ${message}`)
  const notices = new Listeners<FlagNotice>(onFailure)
  const tenantChanges = new Listeners<string>(onFailure)
  const due = new DueChanges({ now, onDue: (keys) => notices.send({ type: 'changed', keys }) })
  const outages = flagOutages(notices, journal, now, onFailure)
  const directory =
    settings.tenants === 'ours'
      ? ourDirectory((query) => records.list(query).catch(unavailable))
      : appDirectory(settings.tenants, warn)
  const ranks = new RankedTenants({
    tenants: (whole) => (whole ? directory.every() : directory.ids()),
    conditions: { segments: catalog.segments ?? {}, now },
    onChange: () => tenants.outdate(),
    onFailure,
  })
  const snapshots = snapshotMaker(catalog, now, catalog.meters && calendars(warn), ranks, warn)
  const tenants: TenantState<TenantSnapshot> = new TenantState({
    records,
    tenantKinds: documentKinds(catalog, settings.tenants === 'ours').tenant,
    platformKinds: catalog.flags ? ['flags'] : [],
    loadsFromApp: directory.loads,
    max: settings.snapshots.max,
    maxStaleMs: settings.snapshots.maxStale,
    now,
    tenant: directory.find,
    snapshot: snapshots.make,
    stale: snapshots.stale,
    ...(catalog.flags && { onStale: () => outages.stale(), onConfirmed: () => outages.confirmed() }),
    onPlatformChange(before, after) {
      const keys = changedFlags(before.documents, after.documents)
      due.look(after.documents)
      if (keys.length > 0) notices.send({ type: 'changed', keys })
    },
    onChange: (tenantId) => tenantChanges.send(tenantId),
    onFailure,
  })
  return {
    directory,
    tenants,
    snapshots,
    ranks,
    notices,
    tenantChanges,
    async start() {
      await tenants.start()
      await ranks.start(snapshots.definitions(tenants.platform))
    },
    watchDue: () => due.look(tenants.platform.documents),
    stop() {
      tenants.stop()
      ranks.close()
      due.close()
    },
  }
}

/** Tells when flags are served as they were last known, and puts it on the operator's trail. */
function flagOutages(
  notices: Listeners<FlagNotice>,
  journal: Journal,
  now: () => number,
  onFailure: (error: unknown) => void,
): Outages {
  const note = (type: 'stale' | 'fresh', metadata: Readonly<Record<string, number>>): void => {
    notices.send({ type })
    const activity = journal.openActivity()
    activity.tenant = PLATFORM
    activity.actor = { type: 'system', id: 'throughline' }
    activity.note({ action: `flags.${type}`, notable: true, metadata })
    activity.settlePart().catch(onFailure)
    activity.discard()
  }
  return new Outages({ now, onStale: () => note('stale', {}), onFresh: (lastedMs) => note('fresh', { lastedMs }) })
}
