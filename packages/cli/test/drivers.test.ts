import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appOn, type Finished, scratchFolder } from './command.ts'

const entry = resolve(import.meta.dirname, '../src/throughline.ts')
const hooks = resolve(import.meta.dirname, 'without-package.mjs')
const POSTGRES = ['--url', 'postgres://app@127.0.0.1:1/app']

let folder: Awaited<ReturnType<typeof scratchFolder>>
let file: string
beforeAll(async () => {
  folder = await scratchFolder()
  file = join(folder.path, 'records.db')
  const app = appOn(file)
  await app.ready()
  await app.close()
})
afterAll(() => folder.remove())

/** Runs the command where a package is not installed. */
function without(name: string, ...args: readonly string[]): Promise<Finished> {
  const options = { env: { ...process.env, WITHOUT_PACKAGE: name } }
  return new Promise((done) => {
    const all = ['--conditions=source', '--import', hooks, entry, ...args]
    const child = execFile(process.execPath, all, options, (_, stdout, stderr) =>
      done({ code: child.exitCode, stdout, stderr }),
    )
  })
}

describe('the drivers of databases', () => {
  it.each([
    ['export', '--all'],
    ['worker', '--once'],
  ])('%s says which package Postgres needs', async (...command) => {
    expect(await without('pg', ...command, ...POSTGRES)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'throughline: Records on Postgres need the package pg: `npm install pg`.\n',
    })
  })

  it('says which package SQLite needs', async () => {
    expect(await without('better-sqlite3', 'status', '--file', file)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'throughline: Records on SQLite need the package better-sqlite3: `npm install better-sqlite3`.\n',
    })
  })

  it('are needed for their own database alone', async () => {
    expect(await without('pg', 'status', '--file', file)).toMatchObject({ code: 0, stderr: '' })
    const { stderr } = await without('better-sqlite3', 'status', ...POSTGRES)
    expect(stderr).toContain('No server answers at the host and port')
  })
})
