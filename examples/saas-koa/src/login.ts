import type { Middleware } from 'koa'
import { KEY_PREFIX } from '../../saas-express/src/login/api-keys.ts'
import type { Tokens } from '../../saas-express/src/login/tokens.ts'

/** The application's own login: verifies the bearer token. API keys are left to `fromApiKey`. */
export function login(tokens: Tokens): Middleware {
  return async (context, next) => {
    const token = /^Bearer (.+)$/i.exec(context.get('authorization'))?.[1]
    if (token === undefined || token.startsWith(KEY_PREFIX)) return next()
    const user = await tokens.verify(token)
    if (user) {
      context.state['user'] = user
      return next()
    }
    context.status = 401
    context.body = { error: 'The token is not valid.' }
  }
}
