import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { ThroughlineError } from '@throughline/core/storage'
import type { Knex } from 'knex'
import type { ClientConfig } from 'pg'
import { pgliteClientOf } from './pglite.ts'

interface KnexClient {
  readonly config?: { readonly connection?: unknown }
  readonly connectionSettings?: unknown
}

/**
 * The connection settings of a knex, for pools of our own. A function that answers them is asked once a pool.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` when there are none
 */
export async function settingsOf(knex: Knex): Promise<ClientConfig> {
  const client: KnexClient | undefined = knex.client
  const given = client?.config?.connection
  const settings = typeof given === 'function' ? await given() : (client?.connectionSettings ?? given)
  if (typeof settings === 'string') return { connectionString: settings }
  if (typeof settings !== 'object' || settings === null) {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: 'knexStorage() can not tell the connection of the knex it was given: give it `connection`.',
    })
  }
  const { host, port, user, database, connectionString, ssl, options, password }: ClientConfig = settings
  return defined({ host, port, user, database, connectionString, ssl, options, password })
}

/**
 * Tells one database and schema from another, without anything secret in it; `undefined` where only a function knows
 * which database it is, and for a database in memory.
 */
export function printOfPlace(knex: Knex, schema: string): string | undefined {
  const pglite = pgliteClientOf(knex)?.pglite
  if (pglite) {
    const { dataDir = '' } = pglite
    const isFolder = dataDir !== '' && !/^(?!file:)[a-z][\w-]+:\/\//.test(dataDir)
    return isFolder ? printOf([resolve(dataDir.replace('file://', '')), schema]) : undefined
  }
  const client: KnexClient | undefined = knex.client
  const given = client?.config?.connection
  const settings = client?.connectionSettings ?? given
  if (typeof given === 'function' || typeof settings !== 'object' || settings === null) return undefined
  const { connectionString, ...parts }: ClientConfig = settings
  // The same database has one name, however it is written.
  const named = connectionString !== undefined && URL.canParse(connectionString) ? partsOf(connectionString) : parts
  const { host, port, database } = named
  return printOf([host?.toLowerCase(), Number(port || 5_432), database, schema])
}

function partsOf(connectionString: string): Pick<ClientConfig, 'host' | 'database'> & { readonly port: string } {
  const { hostname, port, pathname, searchParams } = new URL(connectionString)
  return {
    host: searchParams.get('host') ?? hostname,
    port: searchParams.get('port') ?? port,
    database: decodeURIComponent(pathname.slice(1)),
  }
}

function printOf(place: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(place)).digest('hex').slice(0, 12)
}

function defined(settings: { readonly [K in keyof ClientConfig]: ClientConfig[K] | undefined }): ClientConfig {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}
