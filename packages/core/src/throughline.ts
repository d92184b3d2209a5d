import { createAudit } from './audit/index.ts'
import type { CheckedCatalog } from './catalog/index.ts'
import type { CapturedContext } from './context/index.ts'
import { ThroughlineError } from './errors.ts'
import { guardsOf } from './guards/index.ts'
import { HOST } from './instance.ts'
import type { Opened } from './opened-instance.ts'
import { openInstance } from './opened-instance.ts'
import type { ThroughlineOptions } from './options.ts'
import { platformFace } from './platform-face.ts'
import type { RunInput } from './run-input.ts'
import { openEnvelope, resumeCaptured, runAsTenant } from './runs.ts'
import type { Settings } from './settings.ts'
import { readOptions } from './settings.ts'
import { createMembers } from './tenants/index.ts'
import type { CatalogOf, Health, Throughline } from './throughline-type.ts'
import { unavailable } from './unavailable.ts'
import type { AppTransaction, WithinHost } from './within.ts'
import { runWithin } from './within.ts'

/**
 * Makes an instance. Synchronous: the storage opens in the background, and `ready()` (which the middleware awaits by
 * itself) says when. Only the engines whose part of the catalog is given exist, have tables and are on the type.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`: one error that lists everything that is wrong
 *
 * @example
 * const throughline = createThroughline({
 *   tenants: { load: (id) => organizations.find(id) },
 *   limits: { api: perMinute(100) },
 * })
 */
export function createThroughline<const O extends ThroughlineOptions>(
  options?: O & CheckedCatalog<O>,
): Throughline<CatalogOf<O>, O> {
  const settings = readOptions(options === undefined ? {} : options)
  const instance = openInstance(settings)
  return publicFace(settings, instance) as unknown as Throughline<CatalogOf<O>, O>
}

function publicFace(settings: Settings, opened: Opened): object {
  const { instance, journal, records, reader, scope, commit, flags, limits, usage, config, now } = opened
  const { catalog } = settings
  const joining: WithinHost = {
    scope,
    checkJoins() {
      if (records.appendWithin) return
      const message = `The records are in "${records.name}", which no transaction of the app is in.`
      throw new ThroughlineError('WITHIN_UNSUPPORTED', { message })
    },
    append: (transaction, tenant, lines) => journal.appendWithin(transaction, tenant, lines),
    now,
  }
  const platform = platformFace(settings, opened)
  return {
    [HOST]: instance,
    ...(flags && { flags }),
    ...(limits && { limits: limits.face }),
    ...(usage && { usage }),
    ...(config && { config }),
    ...(settings.tenants === 'ours' && {
      members: createMembers({
        tenantId: () => scope().tenant.id,
        commit: (change) => commit(scope(), change),
        read: (query) => records.read(query).catch(unavailable),
        list: (query) => records.list(query).catch(unavailable),
        now,
      }),
    }),
    audit: createAudit(reader, scope),
    guards: guardsOf(catalog),
    platform,
    run: <R>(input: RunInput, fn: () => R | Promise<R>) => runAsTenant(instance, input, fn),
    resume: <R>(captured: CapturedContext, fn: () => R | Promise<R>) => resumeCaptured(instance, captured, fn),
    fromEnvelope: <T, R>(message: unknown, fn: (payload: T) => R | Promise<R>) => openEnvelope(instance, message, fn),
    within: <R>(transaction: AppTransaction, fn: () => R | Promise<R>) => runWithin(joining, transaction, fn),
    async ready(): Promise<void> {
      if (instance.closed) throw new ThroughlineError('CLOSED')
      await instance.starting
    },
    async health(): Promise<Health> {
      // A start that failed is what health() is asked for: the journal answers that it is degraded.
      await instance.starting?.catch(() => undefined)
      const state = await journal.health()
      return { status: state.status, storage: records.name, journal: state, ...(limits && { limits: limits.health }) }
    },
    close: () => instance.close(),
  }
}
