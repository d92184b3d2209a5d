import { AsyncLocalStorage } from 'node:async_hooks'
import createKnex, { type Knex } from 'knex'
import { type ScopedKnex, scopeKnex } from '../src/scoped-knex/scoped-knex.ts'

export const TENANTS = ['acme', 'globex'] as const
export type TenantId = (typeof TENANTS)[number]

/** A database with rows of both tenants, a shared table and one that nobody declared. */
export interface World {
  readonly plain: Knex
  readonly db: ScopedKnex
  /** Runs as a tenant; `undefined`: outside any context. */
  as<R>(tenant: string | undefined, fn: () => R): R
}

/** The whole of a tenant's rows, or of all tenants'. */
export type Rows = Readonly<Record<string, readonly unknown[]>>

const OWNED = ['reports', 'projects'] as const

/**
 * A database of the given tenants' rows: ids are the same in all of them, and every text says whose it is. With one
 * tenant only, plain knex on it is the oracle for what that tenant may see and do.
 */
export async function database(tenants: readonly string[]): Promise<Knex> {
  const plain = createKnex({
    client: 'better-sqlite3',
    connection: { filename: ':memory:' },
    useNullAsDefault: true,
  })
  const fallback = tenants.length === 1 ? ` default '${tenants[0]}'` : ''
  await plain.raw(`create table reports (tenant_id text not null${fallback}, id integer not null, title text,
    status text, n integer, project_id integer, primary key (tenant_id, id)) without rowid`)
  await plain.raw(`create table projects (tenant_id text not null${fallback}, id integer not null, name text,
    parent_id integer, primary key (tenant_id, id)) without rowid`)
  await plain.raw('create table countries (code text primary key, name text)')
  await plain.raw('create table secrets (id integer primary key, body text)')
  for (const tenant of tenants) {
    const mark = tenant.toUpperCase()
    // One row more for each tenant in the alphabet, so that counts differ too.
    const extra = tenant === 'acme' ? [] : [5, 6]
    await plain('reports').insert(
      [1, 2, 3, 4, ...extra].map((id) => ({
        tenant_id: tenant,
        id,
        title: `${mark} report ${id}`,
        status: id % 2 === 0 ? 'open' : 'done',
        n: id * 10,
        project_id: id === 4 ? null : ((id - 1) % 2) + 1,
      })),
    )
    await plain('projects').insert(
      [1, 2, 3].map((id) => ({
        tenant_id: tenant,
        id,
        name: `${mark} project ${id}`,
        parent_id: id === 1 ? null : id - 1,
      })),
    )
  }
  await plain('countries').insert([
    { code: 'de', name: 'Germany' },
    { code: 'nz', name: 'New Zealand' },
  ])
  await plain('secrets').insert({ id: 1, body: 'ACME and GLOBEX secret' })
  return plain
}

export async function world(tenants: readonly string[] = TENANTS): Promise<World> {
  const plain = await database(tenants)
  const ambient = new AsyncLocalStorage<string | undefined>()
  const db = scopeKnex(plain, { tables: ['reports', 'projects'], shared: ['countries'] }, () => ambient.getStore())
  return { plain, db, as: (tenant, fn) => ambient.run(tenant, fn) }
}

export async function rowsOf(plain: Knex, tenant?: string): Promise<Rows> {
  const rows: Record<string, readonly unknown[]> = {}
  for (const table of OWNED) {
    rows[table] = await plain(table)
      .modify((query) => tenant !== undefined && query.where('tenant_id', tenant))
      .orderBy(['tenant_id', 'id'])
  }
  return rows
}

/** What went wrong when `fn` was called or its promise settled; `undefined` when nothing did. */
export async function refusal(fn: () => unknown): Promise<unknown> {
  try {
    await fn()
    return undefined
  } catch (error) {
    return error
  }
}
