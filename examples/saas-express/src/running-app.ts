import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import type { RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { AppParts } from './app-parts.ts'
import { openDatabase } from './database.ts'
import { tokensSignedWith } from './login/tokens.ts'
import { seed } from './seed.ts'
import { openThroughline } from './throughline.ts'

export interface RunningApp extends AppParts {
  readonly port: number
  /** Where Throughline's records are. */
  readonly recordsFile: string
  /** Of each organization, on the first start only: afterwards only their hashes are kept. */
  readonly apiKeys: Readonly<Record<string, string>>
  /** Takes no more requests, answers those it has, and closes both databases. */
  close(): Promise<void>
}

export interface StartOptions {
  /** Both databases are kept in it. */
  readonly folder: string
  /** 0: a free one. */
  readonly port: number
  readonly logError: (error: unknown) => void
}

/** Starts an application on loopback. */
export type StartApp = (options: StartOptions) => Promise<RunningApp>

/** Starts the application on loopback, with the routes that a framework gives it. */
export async function startWith(
  createApp: (parts: AppParts) => RequestListener,
  { folder, port, logError }: StartOptions,
): Promise<RunningApp> {
  await mkdir(folder, { recursive: true })
  const recordsFile = join(folder, 'app.throughline.db')
  const database = await openDatabase(join(folder, 'app.db'))
  const { apiKeys } = await seed(database)
  const throughline = openThroughline(database, recordsFile)
  const parts: AppParts = {
    database,
    throughline,
    tokens: tokensSignedWith(secretOf('LOGIN_SECRET')),
    webhookSecret: secretOf('WEBHOOK_SECRET').toString('base64url'),
    domain: 'localhost',
    logError,
  }
  const server = createServer(createApp(parts)).listen(port, '127.0.0.1')
  await once(server, 'listening')
  await throughline.ready()
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await closeServer(server)
    await throughline.close()
    await database.directory.destroy()
  }
  return {
    ...parts,
    port: (server.address() as AddressInfo).port,
    recordsFile,
    apiKeys,
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** From the environment; without one, a secret of this process alone: its tokens end with it. */
function secretOf(name: string): Buffer {
  const value = process.env[name]
  return value === undefined ? randomBytes(32) : Buffer.from(value)
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeIdleConnections()
  })
}
