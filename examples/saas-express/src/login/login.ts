import type { Request, RequestHandler } from 'express'
import { KEY_PREFIX } from './api-keys.ts'
import type { LoggedInUser, Tokens } from './tokens.ts'

const users = new WeakMap<Request, LoggedInUser>()

/** The user whose token the request carries, once `login` has verified it. */
export function userOf(request: Request): LoggedInUser | undefined {
  return users.get(request)
}

/** The application's own login: verifies the bearer token. API keys are left to `fromApiKey`. */
export function login(tokens: Tokens): RequestHandler {
  return async (req, res, next) => {
    const token = /^Bearer (.+)$/i.exec(req.get('authorization') ?? '')?.[1]
    if (token === undefined || token.startsWith(KEY_PREFIX)) return next()
    const user = await tokens.verify(token)
    if (!user) {
      res.status(401).json({ error: 'The token is not valid.' })
      return
    }
    users.set(req, user)
    next()
  }
}
