import type { RequestHandler } from 'express'
import type { Knex } from 'knex'
import passport from 'passport'
import { Strategy } from 'passport-local'
import { isPassword } from './passwords.ts'

/** Who is logged in, and where. */
export interface AppUser {
  readonly id: string
  readonly email: string
  readonly orgId: number
  readonly role: string
}

/** passport, with email and password at one organization. The session keeps who that was. */
export function loginWith(database: Knex): passport.Authenticator {
  const login = new passport.Passport()
  login.use(
    new Strategy({ usernameField: 'email', passReqToCallback: true }, (req, email, password, done) => {
      findUser(database, String(req.body.organization), email, password).then((user) => done(null, user), done)
    }),
  )
  login.serializeUser((user, done) => done(null, user))
  login.deserializeUser((user: AppUser, done) => done(null, user))
  return login
}

async function findUser(database: Knex, slug: string, email: string, password: string): Promise<AppUser | false> {
  const found = await database('users')
    .join('memberships', 'memberships.user_id', 'users.id')
    .join('organizations', 'organizations.id', 'memberships.org_id')
    .where({ 'users.email': email, 'organizations.slug': slug })
    .first('users.id', 'users.email', 'users.password', 'memberships.org_id', 'memberships.role')
  if (!found || !(await isPassword(password, found.password))) return false
  return { id: String(found.id), email: found.email, orgId: found.org_id, role: found.role }
}

/** Everything but these paths needs a login. */
export function requireLogin({ except }: { readonly except: readonly string[] }): RequestHandler {
  return (req, res, next) => {
    if (req.user || except.includes(req.path)) return next()
    res.status(401).json({ error: 'Log in first.' })
  }
}

/** Whoever is logged in, behind `requireLogin`. */
export function userOf(req: Express.Request): AppUser {
  if (!req.user) throw new Error('This route is open to everybody.')
  return req.user as AppUser
}

/** For admins of their organization only. */
export const requireAdmin: RequestHandler = (req, res, next) => {
  if (userOf(req).role === 'admin') return next()
  res.status(403).json({ error: 'Only admins may do this.' })
}
