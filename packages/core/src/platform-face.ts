import { createPlatformAudit } from './audit/index.ts'
import type { Catalog } from './catalog/index.ts'
import { flagProblems, namedIn } from './catalog/index.ts'
import type { PlatformContext } from './context/index.ts'
import { ambientContext } from './context/index.ts'
import { ThroughlineError } from './errors.ts'
import { createPlatformFlags } from './flags/index.ts'
import { createPlatformLimits } from './limits/index.ts'
import type { Opened } from './opened-instance.ts'
import type { PlatformPort } from './platform-port.ts'
import { runAsPlatform } from './runs.ts'
import type { Settings } from './settings.ts'
import type { JournalEvent } from './storage/journal-record.ts'
import { createPlatformTenants } from './tenants/index.ts'
import { unavailable } from './unavailable.ts'
import { unknownTenant } from './unknown-tenant.ts'
import { calendarProblems, createPlatformUsage, UTC_CALENDAR } from './usage/index.ts'
import type { ActorInput } from './vocabulary.ts'
import { PLATFORM } from './vocabulary.ts'

type OperatorEvent = Omit<JournalEvent, 'notable'>

/** What the operator does across tenants, each act with a reason and on record. */
export function platformFace(settings: Settings, opened: Opened): object {
  const { instance, journal, records, reader, now } = opened
  const { catalog } = settings
  const port = platformPort(opened)
  const opens = (trail: string): void => port.note({ action: 'platform.read', targets: [{ type: 'trail', id: trail }] })
  const platform = {
    run: (by: { actor: ActorInput; reason: string }, fn: (platform: unknown) => unknown) =>
      runAsPlatform(instance, by, platform as unknown, fn),
    audit: createPlatformAudit(reader, opens),
    ...(catalog.flags && opened.flags && { flags: flagsFace(catalog, catalog.flags, port, opened, opened.flags) }),
    ...(catalog.limits && { limits: createPlatformLimits(port, catalog.limits) }),
    ...(catalog.meters && {
      usage: createPlatformUsage({
        meters: catalog.meters,
        opened: opens,
        calendar: async (tenantId) => (await instance.snapshot(tenantId))?.usage.calendar ?? UTC_CALENDAR,
        drain: () => journal.drain(),
        totals: (query) => records.usage(query).catch(unavailable),
        now,
      }),
    }),
    ...(settings.tenants === 'ours' && {
      tenants: createPlatformTenants(port, Object.keys(catalog.plans ?? {}), calendarProblems),
    }),
  }
  return platform
}

function platformPort({ instance, records, everyTenant, now }: Opened): PlatformPort {
  const acting = (): PlatformContext => {
    const context = ambientContext()
    if (context?.kind === 'platform' && context.owner === instance) return context
    throw new ThroughlineError('PLATFORM_REASON_REQUIRED')
  }
  const port: PlatformPort = {
    async commit(trail, change) {
      const context = acting()
      const result = await instance.commitAs(context, trail, change)
      // What is on the operator's own trail is there already.
      const noted = result.status === 'committed' && trail !== PLATFORM
      if (noted) context.activity.note({ ...naming(trail, change.event), notable: true })
      return result
    },
    async commitFor(tenantId, change) {
      acting()
      if (!(await instance.snapshot(tenantId))) throw unknownTenant(tenantId)
      return port.commit(tenantId, change)
    },
    async read(query) {
      acting()
      return records.read(query).catch(unavailable)
    },
    async list(query) {
      acting()
      return records.list(query).catch(unavailable)
    },
    acting,
    note: (event) => acting().activity.note({ ...event, notable: true }),
    tenants() {
      acting()
      return everyTenant()
    },
    reason: () => acting().reason,
    now,
  }
  return port
}

function flagsFace(
  whole: Catalog,
  catalog: NonNullable<Catalog['flags']>,
  port: PlatformPort,
  { instance, seen, snapshots, ranks, everyTenant }: Opened,
  engine: NonNullable<Opened['flags']>,
): ReturnType<typeof createPlatformFlags> {
  const named = namedIn(whole)
  const tenantsListed = everyTenant() !== undefined
  return createPlatformFlags({
    port,
    catalog,
    plans: whole.plans ?? {},
    engine,
    compile: (definitions, at, versions) => snapshots.compile(definitions, () => at, versions),
    prepare: (definitions) => ranks.prepare(definitions),
    check: (definition, key, flags) =>
      flagProblems(definition, key, flags ? { ...named, flags, key, tenantsListed } : named),
    async compared(tenantId) {
      const snapshot = await instance.snapshot(tenantId)
      return snapshot && { tenant: snapshot.tenant, flags: snapshot.flags }
    },
    async served() {
      await seen.flush()
      return seen.served()
    },
  })
}

/** What the operator's own trail has of a tenant's event: it says whose. */
function naming(tenant: string, event: OperatorEvent): OperatorEvent {
  const { targets = [] } = event
  if (targets.some(({ type, id }) => type === 'tenant' && id === tenant)) return event
  return { ...event, targets: [...targets, { type: 'tenant', id: tenant }] }
}
