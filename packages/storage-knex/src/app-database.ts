import { ThroughlineError } from '@throughline/core/storage'
import type { Knex } from 'knex'
import { besideLinked } from './linked-file.ts'

const SQLITE_CLIENTS = ['better-sqlite3', 'sqlite3']
const POSTGRES_CLIENTS = ['pg']
const CLIENTS = [...SQLITE_CLIENTS, ...POSTGRES_CLIENTS]

interface KnexClient {
  readonly driverName?: unknown
  readonly dialect?: unknown
  readonly config?: { readonly connection?: unknown }
}

/**
 * Which kind of database an app's knex is on.
 *
 * @param caller who says so where it is none of them
 * @throws ThroughlineError `OPTIONS_INVALID` for a client that is not supported
 */
export function kindOfDatabase(app: Knex, caller: string): 'sqlite' | 'postgres' {
  const client: KnexClient | undefined = app.client
  const name = String(client?.driverName ?? client?.dialect ?? 'unknown')
  if (POSTGRES_CLIENTS.includes(name)) return 'postgres'
  if (SQLITE_CLIENTS.includes(name)) return 'sqlite'
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `${caller}() works with the clients ${CLIENTS.join(', ')} for now, not with "${name}".`,
    details: { client: name, supported: CLIENTS },
  })
}

/** The file of our own beside the app's, with an ending of its own; `undefined` where the app's can not be told. */
export function fileBeside(app: Knex | undefined, ending: string): string | undefined {
  const client: KnexClient | undefined = app?.client
  const connection = client?.config?.connection
  const file =
    typeof connection === 'object' && connection !== null && 'filename' in connection ? connection.filename : connection
  if (typeof file !== 'string' || file.startsWith('file:')) return undefined
  return file === ':memory:' || file === '' ? ':memory:' : besideLinked(file, ending)
}

/** Neither was a file named, nor can the app's be told. */
export function noFile(caller: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `${caller}() can not tell the file of the app's database: pass \`filename\`, the file of our own tables.`,
  })
}
