import { z } from 'zod'
import type { AppDatabase } from '../database.ts'
import { isPassword } from './passwords.ts'

const credentials = z.object({ email: z.email(), password: z.string().max(200) })

/** Who logs in, as a member of the organization whose host was asked; `undefined` if anything of it does not hold. */
export async function findLogin({ directory }: AppDatabase, organization: string | undefined, body: unknown) {
  const { data } = credentials.safeParse(body)
  const user = data && (await directory('users').where({ email: data.email }).first())
  const valid = await isPassword(data?.password ?? '', user?.password)
  if (!valid || organization === undefined) return undefined
  const of = { organization_id: organization, user_id: user.id }
  const membership = await directory('memberships').where(of).first()
  return membership && { tenant: organization, actor: { id: user.id, name: user.name, roles: [membership.role] } }
}
