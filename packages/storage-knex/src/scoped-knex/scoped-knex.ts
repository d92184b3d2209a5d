import { createRequire } from 'node:module'
import { ThroughlineError } from '@throughline/core/storage'
import type createKnex from 'knex'
import type { Knex } from 'knex'
import { scopedClientClass } from './client.ts'
import { grammarOf } from './grammar.ts'
import type { KnexClient } from './knex-internals.ts'
import { declaredTables, invalidOptions, type ScopedKnexOptions } from './options.ts'
import { RawPolicy } from './raw-policy.ts'
import { type CurrentTenantId, Scope } from './scope.ts'
import { Sources } from './sources.ts'
import { Tables } from './tables.ts'

/** The record that knex takes when none is named. */
type AnyRecord = Knex extends Knex<infer TRecord> ? TRecord : never

/** Knex, but always the current tenant's; without what can not be scoped to one. */
export interface ScopedKnex<TRecord extends object = AnyRecord> extends Knex<TRecord> {
  readonly schema: never
  readonly migrate: never
  readonly seed: never
  readonly destroy: never
  readonly initialize: never
  /**
   * The knex that the scoped db was made of, for the platform's own work across tenants.
   *
   * @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside of the platform's context, or without a reason
   */
  unscoped(reason: string): Knex
}

const EVENTS = ['start', 'query', 'query-error', 'query-response'] as const
const NOT_SHARED = new Set(['_events', '_eventsCount', '_maxListeners', 'config', 'pool'])

/** `scopedKnex` with its tenant from anywhere: the seam between knex and the ambient context. */
export function scopeKnex(knex: Knex, options: ScopedKnexOptions, currentTenantId: CurrentTenantId): ScopedKnex {
  const declared = declaredTables(options)
  const source: KnexClient = knex.client
  const grammar = grammarOf(source.dialect)
  if (grammar === undefined) {
    throw invalidOptions([`scopedKnex rewrites statements for SQLite and Postgres, not for "${source.dialect}".`])
  }
  const physical = (name: string): string => source.customWrapIdentifier(name, (same: string) => same, undefined)
  const tables = new Tables(declared, physical, grammar)
  const raws = new RawPolicy(source, grammar.rawRules(options.functions ?? []), (word) => tables.isTableWord(word))
  const scope = new Scope(grammar, tables, new Sources(source, tables, grammar), raws, currentTenantId)
  const db = loadKnex()(configOf(source, scopedClientClass(source, scope)))
  shareConnections(source, db.client)
  const batchInsert = db.batchInsert.bind(db)
  Object.defineProperty(db, 'batchInsert', {
    value(...args: Parameters<typeof batchInsert>) {
      scope.tenantId()
      return batchInsert(...args)
    },
  })
  return Object.assign(db, {
    unscoped(reason: string): Knex {
      if (options.platform?.() !== true || typeof reason !== 'string' || reason.trim() === '') {
        throw new ThroughlineError('PLATFORM_REASON_REQUIRED')
      }
      return knex
    },
  }) as unknown as ScopedKnex
}

/** Where it is asked for: whoever keeps records in a file starts a tenth of a second sooner without it. */
function loadKnex(): typeof createKnex {
  return createRequire(import.meta.url)('knex')
}

/** The same settings without a connection, so that no second pool is opened. */
function configOf(source: KnexClient, client: unknown): Knex.Config {
  const { connection, connectionPool, pool, ...config } = source.config as Knex.Config & { connectionPool?: unknown }
  // Knex warns when this is not set, which it has done once.
  return { ...config, useNullAsDefault: config.useNullAsDefault ?? false, client: client as typeof Knex.Client }
}

/** Both use one pool, and who listens to the one hears the other. */
function shareConnections(source: KnexClient, scoped: KnexClient): void {
  for (const [name, value] of Object.entries(source)) {
    if (!NOT_SHARED.has(name)) Object.assign(scoped, { [name]: value })
  }
  // Read each time: `initialize` gives the source a new one.
  Object.defineProperty(scoped, 'pool', { enumerable: true, get: () => source.pool })
  for (const event of EVENTS) scoped.on(event, (...args: unknown[]) => source.emit(event, ...args))
}
