import { randomUUID } from 'node:crypto'
import type { Express } from 'express'
import pg from 'pg'
import request, { type Agent } from 'supertest'
import { postgresService } from '../../../test/services.ts'
import type { Settings } from '../src/open-app.ts'

export const postgres = await postgresService()
export const WEBHOOK_SECRET = 'shared with the payment provider'
export const PASSWORD = 'correct horse'

/** The application's front door, of whichever step. */
export interface AppModule {
  openApp(settings: Settings): Promise<OpenedApp>
}

export interface OpenedApp {
  readonly app: Express
  close(): Promise<void>
}

/** Runs a test on an application with a schema of its own, which is gone afterwards. */
export async function onApp<App extends OpenedApp>(
  module: { openApp(settings: Settings): Promise<App> },
  test: (opened: App) => Promise<void>,
): Promise<void> {
  await inSchema((schema) => opened(module, schema, test))
}

async function opened<App extends OpenedApp>(
  module: { openApp(settings: Settings): Promise<App> },
  schema: string,
  test: (opened: App) => Promise<void>,
): Promise<void> {
  const app = await inTurn(() => {
    // Where the steps keep their records; before them nobody reads it.
    process.env.THROUGHLINE_SCHEMA = `${schema}_records`
    return module.openApp({
      connection: postgres.url,
      schema,
      sessionSecret: 'for tests',
      webhookSecret: WEBHOOK_SECRET,
    })
  })
  try {
    await test(app)
  } finally {
    await app.close()
  }
}

let last: Promise<unknown> = Promise.resolve()

/** Opens one application after the other: each reads its settings from the one environment. */
function inTurn<App>(open: () => Promise<App>): Promise<App> {
  const opening = last.then(open)
  last = opening.catch(() => undefined)
  return opening
}

async function inSchema(run: (schema: string) => Promise<void>): Promise<void> {
  const schema = `adopt_${randomUUID().replaceAll('-', '')}`
  await statement(`CREATE SCHEMA ${schema}`)
  try {
    await run(schema)
  } finally {
    await statement(`DROP SCHEMA IF EXISTS ${schema}, ${schema}_records CASCADE`)
  }
}

async function statement(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  try {
    await client.query('SET client_min_messages = warning')
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Signs an organization up and logs its first admin in; a second one may be logged in by `logIn`. */
export async function signUp(
  app: Express,
  organization: string,
): Promise<{ readonly id: number; readonly admin: Agent }> {
  const email = `admin@${organization}.example`
  const signup = await request(app).post('/signup').send({ organization, email, password: PASSWORD })
  if (signup.status !== 201) throw new Error(`Sign-up answered ${signup.status}: ${signup.text}`)
  return { id: signup.body.organization, admin: await logIn(app, organization, email) }
}

/** Logs a user in; the answered agent keeps the session. */
export async function logIn(app: Express, organization: string, email: string): Promise<Agent> {
  const agent = request.agent(app)
  const login = await agent.post('/login').send({ organization, email, password: PASSWORD })
  if (login.status !== 200) throw new Error(`Login answered ${login.status}: ${login.text}`)
  return agent
}

/** An ordinary member whom the admin adds, logged in. */
export async function addMember(
  app: Express,
  organization: string,
  admin: Agent,
): Promise<{ readonly id: number; readonly member: Agent }> {
  const email = `member@${organization}.example`
  const added = await admin.post('/members').send({ email, password: PASSWORD })
  if (added.status !== 201) throw new Error(`Adding a member answered ${added.status}: ${added.text}`)
  return { id: added.body.id, member: await logIn(app, organization, email) }
}
