import express, { type ErrorRequestHandler, type Express } from 'express'
import session from 'express-session'
import type { Knex } from 'knex'
import { loginWith, requireLogin } from './login/login.ts'
import { memberRoutes } from './routes/members.ts'
import { paymentWebhook } from './routes/payment-webhook.ts'
import { projectRoutes } from './routes/projects.ts'
import { reportRoutes } from './routes/reports.ts'
import { signupRoutes } from './routes/signup.ts'

/** Everything the application is made of. */
export interface AppParts {
  readonly database: Knex
  readonly sessionSecret: string
  /** Shared with the payment provider. */
  readonly webhookSecret: string
}

/** What needs no login. */
const PUBLIC = ['/healthz', '/signup', '/login', '/webhooks/payments']

/** The application, in the order in which a request meets its parts. */
export function createApp(parts: AppParts): Express {
  const { database, sessionSecret } = parts
  const login = loginWith(database)
  const app = express()

  app.use(session({ secret: sessionSecret, resave: false, saveUninitialized: false }))
  app.use(login.session())
  app.use(requireLogin({ except: PUBLIC }))

  app.get('/healthz', (_req, res) => void res.json({ status: 'ok' }))
  app.use('/webhooks/payments', paymentWebhook(parts))
  app.use(express.json())
  app.use('/signup', signupRoutes(parts))
  app.post('/login', login.authenticate('local'), (req, res) => void res.json(req.user))
  app.use('/members', memberRoutes(parts))
  app.use('/projects', projectRoutes(parts))
  app.use('/reports', reportRoutes(parts))
  app.use(lastResort)
  return app
}

const lastResort: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) return next(error)
  if (error.status === undefined || error.status >= 500) console.error(error)
  res.status(error.status ?? 500).json({ error: 'The request can not be carried out.' })
}
