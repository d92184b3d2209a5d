import { ThroughlineError } from '@throughline/core/storage'
import type { PostgresConnection } from './pool.ts'

/**
 * Looks at where records are, before anything is asked of them: what may not be looked up passes for what is missing.
 *
 * @returns whether there is such a schema
 * @throws ThroughlineError `OPTIONS_INVALID` where the role may not use it, or the database can't hold every character
 */
export async function checkSchema(connection: PostgresConnection, schema: string): Promise<boolean> {
  const found = await connection.get<{ encoding: string; role: string; usable: boolean | null }>(
    `SELECT current_setting('server_encoding') AS encoding, current_user::text AS role,
  (SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1::text) AS usable`,
    schema,
  )
  const { encoding, role = '', usable = null } = found ?? {}
  if (encoding !== 'UTF8') {
    throw invalid(
      `The database is encoded in ${encoding}, which can not hold every name: keep the records in one whose encoding is UTF8.`,
    )
  }
  if (usable === false) {
    throw invalid(
      `The role "${role}" may not use the schema "${schema}": connect as its owner, or grant the role what it needs (\`npx throughline migrate --grant\`).`,
    )
  }
  return usable !== null
}

function invalid(message: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', { message })
}
