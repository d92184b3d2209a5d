import type { AppDatabase } from './database.ts'
import { issueApiKey } from './login/api-keys.ts'
import { hashPassword } from './login/passwords.ts'

/** Every user's password in this example. */
export const PASSWORD = 'correct horse battery staple'

const ORGANIZATIONS = [
  { id: 'acme', name: 'Acme Corporation', plan: 'enterprise', region: 'us' },
  { id: 'globex', name: 'Globex', plan: 'pro', region: 'eu' },
  { id: 'initech', name: 'Initech', plan: 'free', region: 'eu' },
]

const USERS = [
  { id: 'ada', name: 'Ada', memberships: { acme: 'admin', globex: 'member' } },
  { id: 'bob', name: 'Bob', memberships: { acme: 'member' } },
  { id: 'cleo', name: 'Cleo', memberships: { acme: 'member' } },
  { id: 'dan', name: 'Dan', memberships: { globex: 'admin' } },
  { id: 'eve', name: 'Eve', memberships: { globex: 'member' } },
  { id: 'finn', name: 'Finn', memberships: { initech: 'admin' } },
  { id: 'gus', name: 'Gus', memberships: { initech: 'member' } },
]

/** The address of a user of this example. */
export function emailOf(user: string): string {
  return `${user}@example.com`
}

/** Fills an empty database: three organizations on three plans, seven users, of whom Ada is in two. */
export async function seed({ directory }: AppDatabase): Promise<{ apiKeys: Readonly<Record<string, string>> }> {
  if (await directory('organizations').first('id')) return { apiKeys: {} }
  const password = await hashPassword(PASSWORD)
  const created_at = new Date().toISOString()
  await directory('organizations').insert(ORGANIZATIONS.map((organization) => ({ ...organization, created_at })))
  await directory('users').insert(USERS.map(({ id, name }) => ({ id, name, email: emailOf(id), password })))
  for (const { id, memberships } of USERS) {
    const rows = Object.entries(memberships).map(([organization_id, role]) => ({ organization_id, user_id: id, role }))
    await directory('memberships').insert(rows)
  }
  const apiKeys: Record<string, string> = {}
  for (const { id } of ORGANIZATIONS) {
    await directory('projects').insert({ organization_id: id, name: 'Website' })
    apiKeys[id] = await issueApiKey(directory, { organization: id, id: 'ci', role: 'member' })
  }
  return { apiKeys }
}
