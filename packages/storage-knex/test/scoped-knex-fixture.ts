import { AsyncLocalStorage } from 'node:async_hooks'
import type { Knex } from 'knex'
import { type ScopedKnex, scopeKnex } from '../src/scoped-knex/scoped-knex.ts'
import { type Engine, runAll, SQLITE } from './scoped-knex-engines.ts'

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
export async function database(tenants: readonly string[], engine: Engine = SQLITE): Promise<Knex> {
  const plain = await engine.open()
  await createTables(plain, tenants.length === 1 ? ` default '${tenants[0]}'` : '', engine)
  await runAll(engine, plain, fill(plain, tenants))
  return plain
}

async function createTables(plain: Knex, fallback: string, { name }: Engine): Promise<void> {
  const [end, json] = name === 'sqlite' ? ['without rowid', 'text'] : ['', 'jsonb']
  await plain.raw(`create table reports (tenant_id text not null${fallback}, id integer not null, title text,
    status text, n integer, project_id integer, data ${json}, primary key (tenant_id, id)) ${end}`)
  await plain.raw(`create table projects (tenant_id text not null${fallback}, id integer not null, name text,
    parent_id integer, primary key (tenant_id, id)) ${end}`)
  await plain.raw('create table countries (code text primary key, name text)')
  await plain.raw('create table secrets (id integer primary key, body text)')
}

/** The statements that fill a database with the rows of these tenants. */
function fill(plain: Knex, tenants: readonly string[]): readonly Knex.QueryBuilder[] {
  const owned = tenants.flatMap((tenant) => {
    const mark = tenant.toUpperCase()
    // One row more for each tenant in the alphabet, so that counts differ too.
    const extra = tenant === 'acme' ? [] : [5, 6]
    return [
      plain('reports').insert(
        [1, 2, 3, 4, ...extra].map((id) => ({
          tenant_id: tenant,
          id,
          title: `${mark} report ${id}`,
          status: id % 2 === 0 ? 'open' : 'done',
          n: id * 10,
          project_id: id === 4 ? null : ((id - 1) % 2) + 1,
          data: JSON.stringify({ mark, id, tags: [`${mark} ${id}`] }),
        })),
      ),
      plain('projects').insert(
        [1, 2, 3].map((id) => ({
          tenant_id: tenant,
          id,
          name: `${mark} project ${id}`,
          parent_id: id === 1 ? null : id - 1,
        })),
      ),
    ]
  })
  return [
    ...owned,
    plain('countries').insert([
      { code: 'de', name: 'Germany' },
      { code: 'nz', name: 'New Zealand' },
    ]),
    plain('secrets').insert({ id: 1, body: 'ACME and GLOBEX secret' }),
  ]
}

/** Databases of one engine that are emptied and filled anew rather than made again, which takes a server long. */
export class Databases {
  readonly #engine: Engine
  readonly #made = new Map<string, Promise<Knex>>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async of(tenants: readonly string[]): Promise<Knex> {
    const key = tenants.join()
    const before = this.#made.get(key)
    if (before === undefined) {
      const made = database(tenants, this.#engine)
      this.#made.set(key, made)
      return made
    }
    const plain = await before
    const emptied = [...OWNED, 'countries', 'secrets'].map((table) => plain(table).del())
    await runAll(this.#engine, plain, [...emptied, ...fill(plain, tenants)])
    return plain
  }

  async world(): Promise<World> {
    return worldOf(await this.of(TENANTS))
  }

  async destroy(): Promise<void> {
    for (const made of this.#made.values()) await (await made).destroy()
  }
}

export async function world(tenants: readonly string[] = TENANTS, engine: Engine = SQLITE): Promise<World> {
  return worldOf(await database(tenants, engine))
}

function worldOf(plain: Knex): World {
  const ambient = new AsyncLocalStorage<string | undefined>()
  const options = { tables: ['reports', 'projects'], shared: ['countries'] }
  const db = scopeKnex(plain, options, () => ambient.getStore())
  return { plain, db, as: (tenant, fn) => ambient.run(tenant, fn) }
}

export async function rowsOf(plain: Knex, tenant?: string): Promise<Rows> {
  const read = OWNED.map(async (table) => [
    table,
    await plain(table)
      .modify((query) => tenant !== undefined && query.where('tenant_id', tenant))
      .orderBy(['tenant_id', 'id']),
  ])
  return Object.fromEntries(await Promise.all(read))
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
