import { mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appOn, commandLine, scratchFolder, throughline } from './command.ts'

let folder: Awaited<ReturnType<typeof scratchFolder>>
beforeAll(async () => {
  folder = await scratchFolder()
})
afterAll(() => folder.remove())

/** A records file of an app that has ended, in a folder of its own. */
async function leftBehind(options: { readonly project?: boolean } = {}): Promise<{ at: string; file: string }> {
  const at = await mkdtemp(join(folder.path, 'case-'))
  const file = join(at, 'records.db')
  const app = appOn(file, options)
  await app.run({ tenant: 'acme', actor: { id: 'ada' } }, () => app.audit.record({ action: 'report.shared' }))
  await app.close()
  return { at, file }
}

function namesIn(file: string): readonly string[] {
  const database = new Database(file, { fileMustExist: true })
  try {
    return database.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')").pluck().all()
  } finally {
    database.close()
  }
}

describe('throughline uninstall', () => {
  it('says what it would drop, and drops nothing without --yes', async () => {
    const { at, file } = await leftBehind()
    const before = [await readdir(at), namesIn(file)]
    const { code, stdout, stderr } = await throughline('uninstall', '--file', file)
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'throughline: Nothing was dropped; say --yes to do it.\n' })
    expect(stdout).toMatch(/view +│ throughline_timeline/)
    expect(stdout).toMatch(/table +│ throughline_trail +│ [1-9]/)
    expect([await readdir(at), namesIn(file)]).toEqual(before)
  })

  it('leaves nothing behind with --yes', async () => {
    const { at, file } = await leftBehind()
    const { code, stdout, stderr } = await throughline('uninstall', '--file', file, '--yes')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Removed')
    expect(await readdir(at)).toEqual([])
  })

  it('removes what a link stands for, with its key and its spill, and the link', async () => {
    const { at, file } = await leftBehind()
    await mkdir(`${file}.spill`)
    const releases = await mkdtemp(join(folder.path, 'case-'))
    await symlink(file, join(releases, 'link.db'))
    expect((await commandLine('uninstall', '--file', join(releases, 'link.db'), '--yes')).code).toBe(0)
    expect([await readdir(at), await readdir(releases)]).toEqual([[], []])
  })

  it('leaves other tables in the file as they are', async () => {
    const { file } = await leftBehind()
    const database = new Database(file)
    database.exec('CREATE TABLE reports (id INTEGER PRIMARY KEY); INSERT INTO reports VALUES (7)')
    database.close()
    const { code, stdout } = await commandLine('uninstall', '--file', file, '--yes')
    expect(code).toBe(0)
    expect(stdout).toContain('holds other tables')
    expect(namesIn(file)).toEqual(['reports'])
  })

  it('refuses while records wait to be projected, unless it is forced', async () => {
    const { at, file } = await leftBehind({ project: false })
    const refused = await commandLine('uninstall', '--file', file, '--yes')
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/rows wait to be projected.*--force/) })
    expect(namesIn(file)).toContain('throughline_journal')
    expect((await commandLine('uninstall', '--file', file, '--yes', '--force')).code).toBe(0)
    expect(await readdir(at)).toEqual([])
  })

  it('refuses while spilled records wait to be replayed', async () => {
    const { file } = await leftBehind()
    await mkdir(`${file}.spill`, { recursive: true })
    await writeFile(join(`${file}.spill`, 'writer.spill'), 'a batch')
    const refused = await commandLine('uninstall', '--file', file, '--yes')
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('spilled') })
    expect(namesIn(file)).toContain('throughline_journal')
  })

  it('refuses while an app has the file open, whatever is said: what it acknowledged would be lost', async () => {
    const { file } = await leftBehind()
    const app = appOn(file)
    try {
      await app.ready()
      const refused = await commandLine('uninstall', '--file', file, '--yes', '--force')
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('stop the app') })
      await app.run({ tenant: 'acme', actor: { id: 'ada' } }, () => app.audit.record({ action: 'report.shared' }))
      expect(namesIn(file)).toContain('throughline_journal')
    } finally {
      await app.close()
    }
  })

  it('does not touch a file of another application', async () => {
    const file = join(await mkdtemp(join(folder.path, 'case-')), 'app.db')
    const database = new Database(file)
    database.exec('CREATE TABLE reports (id INTEGER PRIMARY KEY)')
    database.close()
    const { code, stderr } = await commandLine('uninstall', '--file', file, '--yes')
    expect(code).toBe(2)
    expect(stderr).toContain('another application')
    expect(namesIn(file)).toEqual(['reports'])
  })
})
