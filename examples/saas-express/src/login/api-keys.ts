import { createHash, randomBytes } from 'node:crypto'
import type { ApiKeyLookup } from '@throughline/core'
import type { Knex } from 'knex'

/** What the application's keys begin with; anything else in the header is a token. */
export const KEY_PREFIX = 'sk_'

/** Makes a key; only its hash is kept. Keys are long and random, so a plain hash does. */
export async function issueApiKey(directory: Knex, owner: { organization: string; id: string; role: string }) {
  const key = `${KEY_PREFIX}${randomBytes(24).toString('base64url')}`
  const { organization, id, role } = owner
  await directory('api_keys').insert({ hash: hashOf(key), id, organization_id: organization, role })
  return key
}

/** Finds whose key it is: tenant and actor. */
export function apiKeyLookup(directory: Knex): ApiKeyLookup {
  return async (key) => {
    const row = await directory('api_keys')
      .where({ hash: hashOf(key) })
      .first('id', 'organization_id', 'role')
    return row && { tenant: row.organization_id, actor: { id: row.id, type: 'api_key', roles: [row.role] } }
  }
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}
