import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ThroughlineError } from '@throughline/core/storage'
import type Driver from 'better-sqlite3'

/** Of Node 22.14: before it, better-sqlite3 13 ends the process without a word when it opens a file. */
const NODE_API_OF_SQLITE_13 = 10

/**
 * The better-sqlite3 that is installed: found from this package, else from the application.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` when there is none, or none for this Node
 */
export async function loadDriver(): Promise<typeof Driver> {
  try {
    checkDriver(createRequire(import.meta.url))
    return (await import('better-sqlite3')).default
  } catch (error) {
    if (error instanceof ThroughlineError) throw error
    return driverOfApplication(error)
  }
}

function driverOfApplication(cause: unknown): typeof Driver {
  const require = createRequire(join(process.cwd(), 'package.json'))
  try {
    checkDriver(require)
    return require('better-sqlite3')
  } catch (error) {
    if (error instanceof ThroughlineError) throw error
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: 'Records on SQLite need the package better-sqlite3: `npm install better-sqlite3`.',
      cause,
    })
  }
}

function checkDriver(require: NodeJS.Require): void {
  const { version }: { readonly version: string } = require('better-sqlite3/package.json')
  if (runsHere(version, process.versions.napi)) return
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `better-sqlite3 ${version} needs Node 22.14 or later, and this is ${process.versions.node}: \`npm install better-sqlite3@12\`.`,
  })
}

/** Whether a version of better-sqlite3 can open a file on a Node of this Node-API. */
export function runsHere(version: string, nodeApi: string | undefined): boolean {
  return Number(nodeApi) >= NODE_API_OF_SQLITE_13 || Number.parseInt(version, 10) < 13
}
