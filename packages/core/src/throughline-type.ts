import type { Audit, PlatformAudit } from './audit/index.ts'
import type { Catalog } from './catalog/definitions.ts'
import type { LimitName, PlanName } from './catalog/keys.ts'
import type { Config } from './config/index.ts'
import type { CapturedContext } from './context/index.ts'
import type { Flags, PlatformFlags } from './flags/index.ts'
import type { Guards } from './guards/index.ts'
import type { ThroughlineHost } from './instance.ts'
import type { JournalHealth } from './journal/index.ts'
import type { Limits, LimitsHealth, PlatformLimits } from './limits/index.ts'
import type { ThroughlineOptions } from './options.ts'
import type { RunInput } from './run-input.ts'
import type { Members, PlatformTenants } from './tenants/index.ts'
import type { PlatformUsage, Usage } from './usage/index.ts'
import type { ActorInput } from './vocabulary.ts'
import type { AppTransaction } from './within.ts'

type CatalogKey = 'segments' | 'flags' | 'limits' | 'meters' | 'plans' | 'config'

/** The catalog of some options: whole, or made of the parts that were given inline. */
export type CatalogOf<O> = O extends { readonly catalog: infer C extends Catalog }
  ? C
  : Pick<O, Extract<keyof O, CatalogKey>> extends infer C extends Catalog
    ? C
    : never

type Has<C, Part extends CatalogKey> = Part extends keyof C ? true : false

interface EngineTypes<C extends Catalog> {
  readonly flags: { readonly flags: Flags<C> }
  readonly limits: { readonly limits: Limits<C> }
  readonly meters: { readonly usage: Usage<C> }
  readonly config: { readonly config: Config<C> }
}

interface PlatformTypes<C extends Catalog> {
  readonly flags: { readonly flags: PlatformFlags<C> }
  readonly limits: { readonly limits: PlatformLimits<LimitName<C>> }
  readonly meters: { readonly usage: PlatformUsage }
  readonly config: object
}

/** An engine whose option is absent is not there. */
type Parts<C extends Catalog, Types> = (Has<C, 'flags'> extends true ? Types['flags' & keyof Types] : unknown) &
  (Has<C, 'limits'> extends true ? Types['limits' & keyof Types] : unknown) &
  (Has<C, 'meters'> extends true ? Types['meters' & keyof Types] : unknown) &
  (Has<C, 'config'> extends true ? Types['config' & keyof Types] : unknown)

type Owned<O, T> = O extends { readonly tenants: 'ours' } ? T : unknown

/** The operator's side, across tenants: only inside `run`, which names who acts and why. */
export type Platform<C extends Catalog = Catalog, O = ThroughlineOptions> = {
  /**
   * Runs `fn` as the operator; recorded on the operator's trail, and what it changes on the tenants' too.
   *
   * @throws ThroughlineError `PLATFORM_REASON_REQUIRED` without an actor; `PLATFORM_REASON_INVALID` (400): a form's was left empty
   */
  run<R>(
    by: { readonly actor: ActorInput; readonly reason: string },
    fn: (platform: Platform<C, O>) => R | Promise<R>,
  ): Promise<R>
  readonly audit: PlatformAudit
} & Parts<C, PlatformTypes<C>> &
  Owned<O, { readonly tenants: PlatformTenants<PlanName<C>> }>

export interface Health {
  /** Of the records: a limits store that does not answer keeps nobody from being served. */
  readonly status: 'ok' | 'degraded'
  readonly storage: string
  readonly journal: JournalHealth
  /** Absent without limits. */
  readonly limits?: LimitsHealth
}

interface Base<C extends Catalog, O> extends ThroughlineHost {
  readonly audit: Audit
  /** Guards that know this instance's keys, whatever is registered. */
  readonly guards: Guards<C>
  readonly platform: Platform<C, O>
  /**
   * Runs `fn` as a tenant: jobs, scripts, tests. Resolves once what it left is durable.
   *
   * @throws ThroughlineError `TENANT_NOT_FOUND`, `TENANT_SUSPENDED`, `TENANT_SWITCH_REFUSED`, or what `fn` throws
   */
  run<R>(input: RunInput, fn: () => R | Promise<R>): Promise<R>
  /**
   * Continues in a context that `capture()` took, in any process. The tenant is looked up anew.
   *
   * @throws ThroughlineError `CAPTURE_INVALID`, and as `run`
   */
  resume<R>(captured: CapturedContext, fn: () => R | Promise<R>): Promise<R>
  /**
   * Opens what `envelope()` made, in any process: runs `fn` with its payload in its context. The tenant is looked up anew.
   *
   * @param message the envelope after `JSON.parse`
   * @throws ThroughlineError `ENVELOPE_INVALID`, `CAPTURE_INVALID`, and as `run`
   */
  fromEnvelope<T, R>(message: unknown, fn: (payload: T) => R | Promise<R>): Promise<R>
  /**
   * Joins what `fn` records of its own (`audit.record`, `usage.record`) to a transaction of the app's: it is on record if
   * and only if that transaction is committed. Inside, these calls resolve at once; once `fn` has ended well they are
   * one row of the journal, appended through the transaction. If `fn` throws there is none. The rest of what it does
   * (flags, limits, guards) is on the context's own record, whatever becomes of the transaction; a context that is
   * opened inside is on its own. Units of a hard quota are set aside at once and given back if `within` fails; if the
   * transaction is rolled back after that, they stay taken for the rest of the period.
   *
   * @param transaction a knex transaction on the Postgres database that has the records
   * @throws ThroughlineError `TENANT_REQUIRED`; `WITHIN_UNSUPPORTED` for records or a transaction elsewhere, and inside
   *   for changes of state (config, members), which are committed by themselves; or what `fn` throws
   *
   * @example
   * await database.transaction((trx) =>
   *   throughline.within(trx, async () => {
   *     await trx('reports').insert(report)
   *     await throughline.usage.record('reports', 1)
   *   }),
   * )
   */
  within<R>(transaction: AppTransaction, fn: () => R | Promise<R>): Promise<R>
  /**
   * Resolves once the storage is open; the middleware awaits it by itself.
   *
   * @throws ThroughlineError `CLOSED`, `STORAGE_SCHEMA_OUTDATED`, or what kept the storage from opening
   */
  ready(): Promise<void>
  health(): Promise<Health>
  /** Stops intake, settles what is open, replays, projects, and closes the storage. */
  close(): Promise<void>
}

/** An instance: its engines are those whose part of the catalog was given. */
export type Throughline<C extends Catalog = Catalog, O = ThroughlineOptions> = Base<C, O> &
  Parts<C, EngineTypes<C>> &
  Owned<O, { readonly members: Members }>
