import { createApp } from './app.ts'
import { makeTables, openDatabase } from './database.ts'

export interface Settings {
  /** The URL of a Postgres database. */
  readonly connection: string
  readonly schema?: string
  readonly sessionSecret: string
  readonly webhookSecret: string
}

/** Opens the database and makes the application; `close` gives back what it holds. */
export async function openApp({ connection, schema, ...secrets }: Settings) {
  const database = openDatabase(connection, schema)
  await makeTables(database)
  const app = createApp({ database, ...secrets })
  return {
    app,
    async close(): Promise<void> {
      await database.destroy()
    },
  }
}
