import type { TrailReader } from './audit/index.ts'
import type { Scope } from './context/index.ts'
import { currentScope } from './context/index.ts'
import type { Engines } from './engines.ts'
import { createEngines, enginesByScope, flagsByScope } from './engines.ts'
import { ThroughlineError } from './errors.ts'
import { failureLog } from './failure-log.ts'
import { Instance } from './instance.ts'
import type { Journal } from './journal/index.ts'
import type { KnownTenants } from './known-tenants.ts'
import { knowTenants } from './known-tenants.ts'
import type { RecordedChange } from './recorded-change.ts'
import type { Recording } from './recording.ts'
import { openRecording } from './recording.ts'
import type { Settings } from './settings.ts'
import type { TenantSnapshot } from './snapshots.ts'
import { documentKinds } from './snapshots.ts'
import type { CommitResult, RecordsStore } from './storage/records.ts'
import { ourMembership } from './tenants/index.ts'
import { unavailable } from './unavailable.ts'
import type { Tenant } from './vocabulary.ts'

/** What an instance is made of. */
export interface Opened extends Engines, Pick<KnownTenants, 'snapshots' | 'ranks'>, Pick<Recording, 'seen'> {
  readonly instance: Instance<TenantSnapshot>
  readonly journal: Journal
  readonly records: RecordsStore
  readonly reader: TrailReader
  /** The open context, of this instance; throws outside of one. */
  scope(): Scope<TenantSnapshot>
  commit(current: unknown, change: RecordedChange): Promise<CommitResult>
  /** `undefined` where tenants can't be listed. */
  everyTenant(): AsyncIterable<Tenant> | undefined
  /** ms since the epoch. */
  now(): number
}

/** Makes the engines of an instance, and what they share. */
export function openInstance(settings: Settings): Opened {
  const { records } = settings.storage
  const now = (): number => settings.clock.now()
  const onFailure = failureLog(settings.logger)
  const recording = openRecording(settings, now, onFailure)
  const { journal, seen } = recording
  const known = knowTenants(settings, journal, now, onFailure)
  const { snapshots, ranks, notices, tenantChanges } = known

  const scope = (): Scope<TenantSnapshot> => {
    const current = currentScope() as Scope<TenantSnapshot>
    if ((current.owner as unknown) !== instance) throw new ThroughlineError('CONTEXT_MISMATCH')
    return current
  }
  const commit = (current: unknown, change: RecordedChange) => instance.commit(current as Scope<TenantSnapshot>, change)
  const drain = () => journal.drain()
  const engines = createEngines(settings, { scope, commit, drain, notices, onFailure, now })
  const remoteFlags = engines.flags && flagsByScope(engines.flags, notices, tenantChanges)

  const instance: Instance<TenantSnapshot> = new Instance<TenantSnapshot>({
    engines: enginesByScope(settings, engines, () => journal.healthy, remoteFlags),
    telemetry: recording.telemetry,
    journal,
    tenants: known.tenants,
    ...rulesOf(settings),
    isOurMember: ourMembership({ read: (query) => records.read(query).catch(unavailable) }),
    onFailure,
    now,
    start: () => start(settings, recording, known, engines),
    stop: () => stop(settings, recording, known, engines),
  })
  tenantChanges.add((tenantId) => instance.forgetMembers(tenantId))
  const reader: TrailReader = { timeline: (query) => records.timeline(query).catch(unavailable), drain, now }
  const everyTenant = () => known.directory.every()
  return { instance, journal, records, reader, scope, commit, ...engines, seen, snapshots, ranks, everyTenant, now }
}

/** Which refusals are only observed, and how membership is decided. */
function rulesOf({ mode, tenants }: Settings): Pick<Instance<TenantSnapshot>, 'observes' | 'membershipRule'> {
  const isMember = tenants === 'ours' ? undefined : tenants.isMember
  return {
    observes: { resolution: mode.resolution === 'observe', membership: mode.membership === 'observe' },
    membershipRule: {
      proven: isMember ?? 'claimed',
      named: isMember ?? (tenants === 'ours' ? 'ours' : undefined),
    },
  }
}

async function start(
  settings: Settings,
  { journal, telemetry, seen }: Recording,
  known: KnownTenants,
  { limits }: Engines,
): Promise<void> {
  telemetry.look()
  await openRecords(settings)
  await limits?.open(settings.migrate)
  await known.start()
  await journal.start()
  if (settings.catalog.flags) seen.start()
  known.watchDue()
}

async function openRecords({ catalog, storage, tenants, migrate, journal, clock }: Settings): Promise<void> {
  const options = {
    kinds: documentKinds(catalog, tenants === 'ours').all,
    usage: catalog.meters !== undefined,
    migrate,
    durability: journal.durability,
    now: () => clock.now(),
    ...(journal.secret !== undefined && { secret: journal.secret }),
  }
  try {
    await storage.records.open(options)
  } catch (error) {
    unavailable(error)
  }
}

async function stop(
  { catalog, storage }: Settings,
  { journal, telemetry, seen }: Recording,
  known: KnownTenants,
  { limits }: Engines,
): Promise<void> {
  known.stop()
  telemetry.close()
  if (catalog.flags) await seen.close()
  await journal.close()
  await limits?.close()
  await storage.limits?.close()
  await storage.records.close()
}
