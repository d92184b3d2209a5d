import type { Catalog } from './catalog/index.ts'
import { newId } from './clock.ts'
import { createConfig } from './config/index.ts'
import type { Scope } from './context/index.ts'
import type { FlagNotice } from './flags/index.ts'
import { createFlags } from './flags/index.ts'
import type { GuardEngines } from './guards/index.ts'
import type { RemoteEngines, RemoteFlags } from './http/ofrep/remote-flags.ts'
import type { Journal } from './journal/index.ts'
import { createLimits, enteredLimit } from './limits/index.ts'
import type { Listeners } from './listeners.ts'
import { next } from './maybe-promise.ts'
import type { RecordedChange } from './recorded-change.ts'
import type { Settings } from './settings.ts'
import type { ConfiguredSnapshot, TenantSnapshot } from './snapshots.ts'
import { memoryLimits } from './storage/memory-limits.ts'
import type { CommitResult } from './storage/records.ts'
import { unavailable } from './unavailable.ts'
import { createUsage } from './usage/index.ts'

/** The engines of an instance; one whose part of the catalog is not given is not there. */
export interface Engines {
  readonly flags: ReturnType<typeof createFlags<Catalog>> | undefined
  readonly limits: ReturnType<typeof createLimits> | undefined
  readonly usage: ReturnType<typeof createUsage<Catalog>> | undefined
  readonly config: ReturnType<typeof createConfig<Catalog>> | undefined
}

/** What engines need of their instance. */
export interface EngineSurroundings {
  /** The open context; throws outside of one. */
  scope(): Scope<TenantSnapshot>
  commit(current: unknown, change: RecordedChange): Promise<CommitResult>
  drain(): ReturnType<Journal['drain']>
  readonly notices: Listeners<FlagNotice>
  onFailure(error: unknown): void
  now(): number
}

export function createEngines(settings: Settings, surroundings: EngineSurroundings): Engines {
  const { catalog, mode } = settings
  const { records } = settings.storage
  const { scope, commit, drain, notices, now } = surroundings
  const flags = catalog.flags && createFlags<Catalog>({ scope, watch: (listener) => notices.add(listener) })
  const usage =
    catalog.meters &&
    createUsage<Catalog>({
      scope,
      meters: catalog.meters,
      commit,
      drain,
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
  return { flags, limits: catalog.limits && limitsOf(settings, surroundings, flags), usage, config }
}

function limitsOf(
  { storage, mode, limiting, loadShedding }: Settings,
  { scope, now, onFailure }: EngineSurroundings,
  flags: Engines['flags'],
): ReturnType<typeof createLimits> {
  return createLimits({
    scope,
    store: storage.limits ?? memoryLimits(),
    fallback: memoryLimits(),
    now,
    newId: () => newId(now()),
    flag: (at, key) => flags?.evaluateIn(at as Scope<TenantSnapshot>, key).value,
    mode: mode.limits,
    timeoutMs: limiting.timeoutMs,
    share: limiting.share,
    shedding: loadShedding,
    onDegraded: onFailure,
  })
}

/** Engines as guards and OFREP ask them: each call says in which context. */
export function enginesByScope(
  { catalog, limiting }: Settings,
  { flags, limits, usage }: Engines,
  recording: () => boolean,
  remoteFlags: RemoteFlags | undefined,
): GuardEngines & RemoteEngines {
  return {
    recording,
    ...(flags && { flags: { isEnabledIn: (at, key) => flags.isEnabledIn(at as Scope<TenantSnapshot>, key) } }),
    ...(remoteFlags && { remoteFlags }),
    limitNames: Object.keys(catalog.limits ?? {}),
    ...(limits && {
      limits: {
        requireIn: (at, names, cost) =>
          next(limits.enterIn(at as Scope<TenantSnapshot>, names, cost), (entered) =>
            enteredLimit(at as Scope<TenantSnapshot>, entered, limiting.headers),
          ),
      },
    }),
    ...(usage && {
      usage: { reserveIn: (at, meter, quantity) => usage.reserveIn(at as Scope<TenantSnapshot>, meter, quantity) },
    }),
  }
}

/** Flags as callers elsewhere see them. */
export function flagsByScope(
  flags: NonNullable<Engines['flags']>,
  notices: Listeners<FlagNotice>,
  tenantChanges: Listeners<string>,
): RemoteFlags {
  return {
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
  }
}
