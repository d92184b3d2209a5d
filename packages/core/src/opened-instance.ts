import type { TrailReader } from './audit/index.ts'
import type { Catalog } from './catalog/index.ts'
import { newId } from './clock.ts'
import { createConfig } from './config/index.ts'
import type { Scope } from './context/index.ts'
import { currentScope } from './context/index.ts'
import { ThroughlineError } from './errors.ts'
import { failureLog } from './failure-log.ts'
import type { FlagNotice } from './flags/index.ts'
import { changedFlags, createFlags, DueChanges, Outages, RankedTenants, SEEN_SCOPE, SeenFlags } from './flags/index.ts'
import type { GuardEngines } from './guards/index.ts'
import type { RemoteEngines } from './http/ofrep/remote-flags.ts'
import type { RecordedChange } from './instance.ts'
import { Instance } from './instance.ts'
import { Journal } from './journal/index.ts'
import { createLimits, enteredLimit } from './limits/index.ts'
import { Listeners } from './listeners.ts'
import { next } from './maybe-promise.ts'
import type { Settings } from './options.ts'
import type { ConfiguredSnapshot, TenantSnapshot } from './snapshots.ts'
import { documentKinds, snapshotMaker } from './snapshots.ts'
import { memoryLimits } from './storage/memory-limits.ts'
import type { CommitResult, RecordsStore } from './storage/records.ts'
import { detached, Telemetry } from './telemetry/index.ts'
import type { IsMember } from './tenants/index.ts'
import {
  appTenantIds,
  appTenants,
  ourTenants,
  storedTenant,
  TenantState,
  tenantFromRow,
  tenantOf,
} from './tenants/index.ts'
import { unavailable } from './unavailable.ts'
import { calendars, createUsage } from './usage/index.ts'
import type { Tenant } from './vocabulary.ts'
import { PLATFORM } from './vocabulary.ts'

/** What an instance is made of. */
export interface Opened {
  readonly instance: Instance<TenantSnapshot>
  readonly journal: Journal
  readonly records: RecordsStore
  readonly reader: TrailReader
  /** The open context, of this instance; throws outside of one. */
  scope(): Scope<TenantSnapshot>
  commit(current: unknown, change: RecordedChange): Promise<CommitResult>
  readonly flags: ReturnType<typeof createFlags<Catalog>> | undefined
  readonly seen: SeenFlags
  readonly snapshots: ReturnType<typeof snapshotMaker>
  readonly ranks: RankedTenants
  /** `undefined` where tenants can't be listed. */
  everyTenant(): AsyncIterable<Tenant> | undefined
  readonly limits: ReturnType<typeof createLimits> | undefined
  readonly usage: ReturnType<typeof createUsage<Catalog>> | undefined
  readonly config: ReturnType<typeof createConfig<Catalog>> | undefined
  /** ms since the epoch. */
  now(): number
}

/** Makes the engines of an instance, and what they share. */
export function openInstance(settings: Settings): Opened {
  const { catalog, storage, mode, clock, logger } = settings
  const { records } = storage
  const now = (): number => clock.now()
  const onFailure = failureLog(logger)
  const ours = settings.tenants === 'ours'
  const app = settings.tenants === 'ours' ? {} : settings.tenants
  const kinds = documentKinds(catalog, ours)
  const notices = new Listeners<FlagNotice>(onFailure)
  const tenantChanges = new Listeners<string>(onFailure)
  const due = new DueChanges({ now, onDue: (keys) => notices.send({ type: 'changed', keys }) })

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
    ...(catalog.flags && { folded: (template, at) => seen.folded(template, at) }),
    detached,
  })
  const seen = new SeenFlags({
    read: () => records.read({ tenant: SEEN_SCOPE, kinds: ['definitions'] }).catch(unavailable),
    write: async (writes) => void (await journal.commit(SEEN_SCOPE, { writes, quotas: [] }, [])),
    now,
    onFailure,
  })
  const noteOutage = (type: 'stale' | 'fresh', metadata: Readonly<Record<string, number>>): void => {
    notices.send({ type })
    const activity = instance.openActivity()
    activity.tenant = PLATFORM
    activity.actor = { type: 'system', id: 'throughline' }
    activity.note({ action: `flags.${type}`, notable: true, metadata })
    activity.settlePart().catch(onFailure)
    activity.discard()
  }
  const outages = new Outages({
    now,
    onStale: () => noteOutage('stale', {}),
    onFresh: (lastedMs) => noteOutage('fresh', { lastedMs }),
  })
  const calendarOf = catalog.meters && calendars((message) => logger.warn(`throughline: ${message}`))
  const everyTenant = (): AsyncIterable<Tenant> | undefined =>
    ours ? ourTenants((query) => records.list(query).catch(unavailable)) : app.list && appTenants(app.list, app.load)
  const ranks = new RankedTenants({
    tenants: (whole) => (app.list && !whole ? appTenantIds(app.list) : everyTenant()),
    conditions: { segments: catalog.segments ?? {}, now },
    onChange: () => tenants.outdate(),
    onFailure,
  })
  const snapshots = snapshotMaker(catalog, now, calendarOf, ranks)
  const tenants: TenantState<TenantSnapshot> = new TenantState({
    records,
    tenantKinds: kinds.tenant,
    platformKinds: catalog.flags ? ['flags'] : [],
    loadsFromApp: app.load !== undefined,
    max: settings.snapshots.max,
    maxStaleMs: settings.snapshots.maxStale,
    now,
    tenant(id, documents) {
      if (ours) {
        const document = documents.find(({ kind }) => kind === 'tenants')
        return document && tenantOf(id, storedTenant(document))
      }
      // Without a registry whoever is named by a proof exists: this is context and audit log alone.
      if (!app.load) return tenantFromRow({ id })
      return next(app.load(id), (row) => {
        if (row === null || row === undefined) return undefined
        const found = tenantFromRow(row)
        if (found.id === id) return found
        // `Acme` for `acme`, say: what is kept by id (overrides, config, usage) would be another tenant's, or nobody's.
        logger.warn(
          `throughline: tenants.load("${id}") answered with a tenant whose id is "${found.id}". It counts as unknown: load has to find the very id. Map other names to ids in the source ("lookup").`,
        )
        return undefined
      })
    },
    snapshot: snapshots.make,
    stale: snapshots.stale,
    ...(catalog.flags && { onStale: () => outages.stale(), onConfirmed: () => outages.confirmed() }),
    onPlatformChange(before, after) {
      const keys = changedFlags(before.documents, after.documents)
      due.look(after.documents)
      if (keys.length > 0) notices.send({ type: 'changed', keys })
    },
    onChange(tenantId) {
      instance.forgetMembers(tenantId)
      tenantChanges.send(tenantId)
    },
    onFailure,
  })

  const reader: TrailReader = {
    timeline: (query) => records.timeline(query).catch(unavailable),
    drain: () => journal.drain(),
    now,
  }
  const scope = (): Scope<TenantSnapshot> => {
    const current = currentScope() as Scope<TenantSnapshot>
    if ((current.owner as unknown) !== instance) throw new ThroughlineError('CONTEXT_MISMATCH')
    return current
  }
  const commit = (current: unknown, change: RecordedChange) => instance.commit(current as Scope<TenantSnapshot>, change)

  const flags = catalog.flags && createFlags<Catalog>({ scope, watch: (listener) => notices.add(listener) })
  const limits =
    catalog.limits &&
    createLimits({
      scope,
      store: storage.limits ?? memoryLimits(),
      fallback: memoryLimits(),
      now,
      newId: () => newId(now()),
      flag: (at, key) => flags?.evaluateIn(at as Scope<TenantSnapshot>, key).value,
      mode: mode.limits,
      timeoutMs: settings.limiting.timeoutMs,
      share: settings.limiting.share,
      shedding: settings.loadShedding,
      onDegraded: onFailure,
    })
  const usage =
    catalog.meters &&
    createUsage<Catalog>({
      scope,
      meters: catalog.meters,
      commit,
      drain: () => journal.drain(),
      totals: (query) => records.usage(query).catch(unavailable),
      now,
      mode: mode.quotas,
    })
  const config =
    catalog.config &&
    createConfig<Catalog>({
      scope: () => scope() as Scope<ConfiguredSnapshot>,
      schema: catalog.config,
      commit,
      read: (query) => records.read(query).catch(unavailable),
    })

  const engines: GuardEngines & RemoteEngines = {
    recording: () => journal.healthy,
    ...(flags && {
      flags: { isEnabledIn: (at, key) => flags.isEnabledIn(at as Scope<TenantSnapshot>, key) },
      remoteFlags: {
        keysIn: (at) => (at as Scope<TenantSnapshot>).snapshot.flags.flags.keys(),
        has: (at, key) => (at as Scope<TenantSnapshot>).snapshot.flags.flags.has(key),
        evaluateIn: (at, key, attributes) =>
          flags.evaluateIn(at as Scope<TenantSnapshot>, key, attributes && { attributes }),
        watch(listener) {
          const unwatch = notices.add(({ type }) => type === 'changed' && listener(undefined))
          const forget = tenantChanges.add(listener)
          return () => {
            unwatch()
            forget()
          }
        },
      },
    }),
    limitNames: Object.keys(catalog.limits ?? {}),
    ...(limits && {
      limits: {
        requireIn: (at, names, cost) =>
          next(limits.enterIn(at as Scope<TenantSnapshot>, names, cost), (entered) =>
            enteredLimit(at as Scope<TenantSnapshot>, entered, settings.limiting.headers),
          ),
      },
    }),
    ...(usage && {
      usage: { reserveIn: (at, meter, quantity) => usage.reserveIn(at as Scope<TenantSnapshot>, meter, quantity) },
    }),
  }

  const isOurMember: IsMember = async (actor, tenant) => {
    const { documents } = await records.read({ tenant, kinds: ['members'], key: actor.id }).catch(unavailable)
    return documents[0] && { roles: (documents[0].value as unknown as { roles: readonly string[] }).roles }
  }
  const instance: Instance<TenantSnapshot> = new Instance<TenantSnapshot>({
    engines,
    telemetry,
    journal,
    tenants,
    observes: { resolution: mode.resolution === 'observe', membership: mode.membership === 'observe' },
    membershipRule: { proven: app.isMember ?? 'claimed', named: app.isMember ?? (ours ? 'ours' : undefined) },
    isOurMember,
    onFailure,
    now,
    async start() {
      telemetry.look()
      const options = {
        kinds: kinds.all,
        usage: catalog.meters !== undefined,
        migrate: settings.migrate,
        durability: settings.journal.durability,
        now,
        ...(settings.journal.secret !== undefined && { secret: settings.journal.secret }),
      }
      try {
        await records.open(options)
      } catch (error) {
        unavailable(error)
      }
      await limits?.open(settings.migrate)
      await tenants.start()
      await ranks.start(snapshots.definitions(tenants.platform))
      await journal.start()
      if (catalog.flags) seen.start()
      due.look(tenants.platform.documents)
    },
    async stop() {
      tenants.stop()
      ranks.close()
      due.close()
      telemetry.close()
      if (catalog.flags) await seen.close()
      await journal.close()
      await limits?.close()
      await storage.limits?.close()
      await records.close()
    },
  })
  return {
    instance,
    journal,
    records,
    reader,
    scope,
    commit,
    flags,
    seen,
    snapshots,
    ranks,
    everyTenant,
    limits,
    usage,
    config,
    now,
  }
}

/** Batches that can't be appended wait beside the data, or where the app says. Memory has nothing to lose them to. */
function spillOf({ storage, journal }: Settings): { directory: string; maxBytes: number } | undefined {
  if (journal.spill === false || storage.records.name === 'memory') return undefined
  const directory = journal.spill.directory ?? storage.records.spillDirectory
  return directory === undefined ? undefined : { directory, maxBytes: journal.spill.maxBytes }
}
