import { ThroughlineError } from '@throughline/core/storage'
import type { Knex } from 'knex'

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
 * @throws ThroughlineError `OPTIONS_INVALID` for a client that is not supported
 */
export function limitsPlace(app: Knex): 'sqlite' | 'postgres' {
  const client: KnexClient | undefined = app.client
  const name = String(client?.driverName ?? client?.dialect ?? 'unknown')
  if (POSTGRES_CLIENTS.includes(name)) return 'postgres'
  if (SQLITE_CLIENTS.includes(name)) return 'sqlite'
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `knexLimits() works with the clients ${CLIENTS.join(', ')} for now, not with "${name}".`,
    details: { client: name, supported: CLIENTS },
  })
}

/**
 * The file of our own beside the app's: limits change with each request, and the records' file is not to wait for them.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` where the app's file can not be told
 */
export function limitsFileBeside(app: Knex | undefined): string {
  const client: KnexClient | undefined = app?.client
  const connection = client?.config?.connection
  const file =
    typeof connection === 'object' && connection !== null && 'filename' in connection ? connection.filename : connection
  if (typeof file !== 'string' || file.startsWith('file:')) {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: "knexLimits() can not tell the file of the app's database: pass `filename`, the file of our own tables.",
    })
  }
  return file === ':memory:' || file === '' ? ':memory:' : `${file}.throughline-limits.db`
}
