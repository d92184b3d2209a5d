import { copyFile, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appOn, commandLine, scratchFolder, throughline } from './command.ts'

let folder: Awaited<ReturnType<typeof scratchFolder>>
beforeAll(async () => {
  folder = await scratchFolder()
})
afterAll(() => folder.remove())

async function place(): Promise<string> {
  return await mkdtemp(join(folder.path, 'case-'))
}

describe('throughline migrate', () => {
  it('makes a new file with everything, says what it applied, and applies nothing twice', async () => {
    const file = join(await place(), 'records.db')
    const first = await throughline('migrate', '--file', file)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('001-journal, 002-trail, 003-usage')
    const second = await commandLine('migrate', '--url', `sqlite://${file}`)
    expect(second).toEqual({ code: 0, stdout: `${file} is up to date; nothing was applied.\n`, stderr: '' })
  })

  it('brings what a file has up to date, and adds what is named', async () => {
    const file = join(await place(), 'records.db')
    const app = appOn(file)
    await app.ready()
    await app.close()
    const plain = await commandLine('migrate', '--file', file)
    expect(plain.stdout).toMatch(/up to date.*\n.*no tables for usage.*--feature/)
    const named = await commandLine('migrate', '--file', file, '--feature', 'usage', 'flags')
    expect(named.stdout).toMatch(/Applied to .*: 003-usage, 004-flags\./)
  })

  it('does not touch the database of another application', async () => {
    const file = join(await place(), 'app.db')
    const database = new Database(file)
    database.exec('CREATE TABLE reports (id INTEGER PRIMARY KEY)')
    database.close()
    const before = await readFile(file)
    const refused = await commandLine('migrate', '--file', file)
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('a file of their own') })
    expect(await readFile(file)).toEqual(before)
  })

  it('asks for a folder that is there, and for features that exist', async () => {
    const file = join(await place(), 'none/records.db')
    const [folderless, unknown] = await Promise.all([
      commandLine('migrate', '--file', file),
      commandLine('migrate', '--file', file, '--feature', 'flagz'),
    ])
    expect(folderless).toMatchObject({ code: 2, stderr: expect.stringContaining('make it first') })
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('flags') })
  })
})

describe('throughline status', () => {
  it('says that all is well, and leaves nothing behind', async () => {
    const at = await place()
    const file = join(at, 'records.db')
    const app = appOn(file)
    await app.run({ tenant: 'acme', actor: { id: 'ada' } }, () => app.audit.record({ action: 'report.shared' }))
    await app.close()
    const before = await readdir(at)
    const { code, stdout, stderr } = await throughline('status', '--file', file)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/schema +up to date/)
    expect(stdout).toMatch(/journal +empty/)
    expect(stdout).toMatch(/lane 0 +(free|projected by \w+)/)
    expect(stdout).toMatch(/001-journal.*applied 20/)
    expect(stdout).toMatch(/003-usage.*not used/)
    expect(await readdir(at)).toEqual(before)
  })

  it('counts what waits and names who projects, while the app is running', async () => {
    const file = join(await place(), 'records.db')
    const projecting = appOn(file)
    const app = appOn(file, { project: false })
    try {
      await projecting.run({ tenant: 'acme', actor: { id: 'ada' } }, () => projecting.audit.record({ action: 'a.b' }))
      await projecting.close()
      await app.run({ tenant: 'acme', actor: { id: 'ada' } }, () => app.audit.record({ action: 'report.shared' }))
      // What was recorded at once, and what the context left at its end.
      const [table, json] = await Promise.all([
        throughline('status', '--file', file),
        commandLine('status', '--file', file, '--json'),
      ])
      expect(table.code).toBe(0)
      expect(table.stdout).toMatch(/journal +2 rows wait to be projected, the oldest for \d+ (ms|s)/)
      expect(JSON.parse(json.stdout)).toMatchObject({
        file,
        missing: [],
        backlog: { rows: 2, newest: expect.any(Number), ageMs: expect.any(Number) },
        leases: [{ lane: 0, holder: expect.any(String), token: expect.any(Number), expiresAt: expect.any(Number) }],
        bytes: expect.any(Number),
      })
    } finally {
      await projecting.close()
      await app.close()
    }
  })

  it('exits with 1 and the remedy when a migration is missing', async () => {
    const at = await place()
    const file = join(at, 'records.db')
    await commandLine('migrate', '--file', file)
    const database = new Database(file)
    database.exec("DELETE FROM throughline_migrations WHERE name = '002-trail'")
    database.close()
    const empty = join(at, 'empty.db')
    await writeFile(empty, '')
    const [behind, fresh, timeline] = await Promise.all([
      throughline('status', '--file', file),
      commandLine('status', '--file', empty, '--json'),
      commandLine('timeline', '--file', empty, '--tenant', 'acme'),
    ])
    expect(behind.code).toBe(1)
    expect(behind.stdout).toMatch(/002-trail.*missing/)
    expect(behind.stderr).toBe('throughline: The schema lacks 002-trail; run `throughline migrate`.\n')
    expect(fresh.code).toBe(1)
    expect(JSON.parse(fresh.stdout).missing).toHaveLength(11)
    expect(timeline).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('throughline migrate') })
  })

  it('explains a file that is no database, one of another application, and one beside which the records are', async () => {
    const at = await place()
    const app = join(at, 'app.db')
    const database = new Database(app)
    database.exec('CREATE TABLE reports (id INTEGER PRIMARY KEY)')
    database.close()
    const text = join(at, 'notes.txt')
    await writeFile(text, 'x'.repeat(4_096))
    await copyFile(text, join(at, 'gone.db.throughline.db'))
    const [foreign, noDatabase, beside, aFolder] = await Promise.all(
      [app, text, join(at, 'gone.db'), at].map((file) => commandLine('status', '--file', file)),
    )
    expect(foreign).toMatchObject({ code: 2, stderr: expect.stringContaining('another application') })
    expect(noDatabase).toMatchObject({ code: 1, stderr: expect.stringContaining('not an SQLite database') })
    expect(beside).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean') })
    expect(aFolder).toMatchObject({ code: 2, stderr: expect.stringContaining('is not a file') })
  })
})
