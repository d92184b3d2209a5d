import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import knex from 'knex'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { knexStorage } from '../src/index.ts'
import { inProcessThread } from './in-process-thread.ts'
import { batchOf, openOptions, sqliteRecords } from './scratch-storage.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'throughline-test-'))
  await Promise.all(['data', 'release'].map((name) => mkdir(join(folder, name))))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('a file that has another name by a link', () => {
  it('has one key and one spill, whoever opens it by which name', async () => {
    const [file, link] = [join(folder, 'data', 'records.db'), join(folder, 'release', 'link.db')]
    await symlink('../data/records.db', link)
    const opened = [link, file, link].map((filename) => sqliteRecords({ filename, start: inProcessThread() }))
    const [first, second, third] = opened as [(typeof opened)[0], (typeof opened)[0], (typeof opened)[0]]
    expect(opened.map(({ spillDirectory }) => spillDirectory)).toEqual(opened.map(() => `${file}.spill`))
    try {
      await first.open(openOptions())
      await first.append(batchOf('acme', 1))
      for (const other of [second, third]) await other.open(openOptions())
      await second.append(batchOf('acme', 1, 'second'))
      await first.append(batchOf('acme', 2))
      expect(await third.project({ lane: 0, holder: 'p', leaseMs: 0, maxRows: 9 })).toMatchObject({ records: 3 })
      expect((await third.timeline({ tenant: '$platform', limit: 9 })).events).toEqual([])
      expect(await readdir(join(folder, 'release'))).toEqual(['link.db'])
    } finally {
      await Promise.all(opened.map((records) => records.close()))
    }
  })

  it.each([
    ['a link', ['../data/app.db']],
    ['a link to a link', ['second.db', '../data/app.db']],
  ])('of the app has ours beside what it stands for, and not beside the name: %s', async (_, targets) => {
    const names = ['app.db', 'second.db'].map((name) => join(folder, 'release', name))
    // What it stands for need not be there yet.
    await Promise.all(targets.map((target, at) => symlink(target, names[at] as string)))
    const app = knex({ client: 'better-sqlite3', connection: { filename: names[0] as string }, useNullAsDefault: true })
    const { records } = knexStorage({ app })
    expect(records.spillDirectory).toBe(join(folder, 'data', 'app.db.throughline.db.spill'))
    await app.destroy()
  })

  it('is found where `..` of its target leads out of the folder that a link stands for', async () => {
    await mkdir(join(folder, 'data', 'now'))
    await symlink('../data/now', join(folder, 'release', 'current'))
    const link = join(folder, 'release', 'link.db')
    await symlink('current/../records.db', link)
    const records = sqliteRecords({ filename: link, start: inProcessThread() })
    await records.open(openOptions())
    await records.close()
    expect(records.spillDirectory).toBe(join(folder, 'data', 'records.db.spill'))
    expect(await readdir(join(folder, 'data'))).toEqual(['now', 'records.db', 'records.db.key'])
  })

  it.each(['.key', '.spill', '.throughline.db'])(
    'does not leave behind what an earlier release kept beside it: %s',
    async (ending) => {
      const link = join(folder, 'release', 'link.db')
      await symlink('../data/records.db', link)
      await writeFile(`${link}${ending}`, 'x')
      const app = knex({ client: 'better-sqlite3', connection: { filename: link }, useNullAsDefault: true })
      const open = async (): Promise<void> => {
        if (ending === '.throughline.db') return void knexStorage({ app })
        const records = sqliteRecords({ filename: link, start: inProcessThread() })
        await records.open(openOptions()).finally(() => records.close())
      }
      await expect(open()).rejects.toMatchObject({
        code: 'OPTIONS_INVALID',
        sentence: expect.stringContaining(`to "${join(folder, 'data', `records.db${ending}`)}"`),
      })
      await rename(`${link}${ending}`, join(folder, 'data', `records.db${ending}`))
      await open()
      await app.destroy()
    },
  )

  it('that can not be followed is left to the database to refuse', async () => {
    const names = ['app.db', 'second.db'].map((name) => join(folder, 'release', name))
    await Promise.all(names.map((name, at) => symlink(names[1 - at] as string, name)))
    const underCircle = join(folder, 'release', 'app.db', 'under.db')
    for (const filename of [names[0] as string, underCircle, `${folder}/${'x'.repeat(300)}`]) {
      const app = knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true })
      expect(knexStorage({ app }).records.spillDirectory).toMatch(/\.throughline\.db\.spill$/)
      await app.destroy()
    }
  })
})
