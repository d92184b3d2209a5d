import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createThroughline, perMinute } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { commandLine, scratchFolder, throughline } from './command.ts'

const ada = { id: 'ada', roles: ['admin'] }
const REPORTS = 300

let folder: Awaited<ReturnType<typeof scratchFolder>>
let file: string

beforeAll(async () => {
  folder = await scratchFolder()
  file = join(folder.path, 'app.db.throughline.db')
  const app = createThroughline({
    storage: knexStorage({ filename: file, answerWithinMs: 20_000 }),
    tenants: 'ours',
    limits: { api: perMinute(1) },
    meters: { reports: { aggregate: 'count' } },
    flags: { 'new-reports': { default: false } },
    config: z.object({ digest: z.string().default('daily') }),
    journal: { drainTimeout: 20_000 },
  })
  await app.platform.run({ actor: { id: 'sam' }, reason: 'TICKET-7' }, async (platform) => {
    for (const id of ['acme', 'globex']) await platform.tenants.create({ id, name: id })
    await platform.limits.override('acme', 'api', perMinute(20))
    await platform.flags.override('acme', 'new-reports', true)
  })
  for (const tenant of ['acme', 'globex']) {
    await app.run({ tenant, actor: ada }, async () => {
      await app.members.add('bob', { roles: ['member'] })
      await app.config.set({ digest: 'weekly' })
      await app.usage.record('reports', 1, { key: 'run-1' })
      await app.usage.record('reports', 1)
      for (let i = 0; i < REPORTS; i++)
        await app.audit.record({ action: 'report.shared', metadata: { note: '\u202e✓' } })
      // Everything acknowledged so far is projected for it.
      await app.usage.totals()
    })
  }
  await app.close()
}, 60_000)
afterAll(() => folder.remove())

type Line = { readonly kind: string; readonly tenant: string } & Readonly<Record<string, unknown>>

describe('throughline export', () => {
  it('writes everything of all tenants, one object a line, each trail in its order', async () => {
    const output = join(folder.path, 'all.jsonl')
    const { code, stdout, stderr } = await throughline('export', '--file', file, '--all', '--output', output)
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toMatch(/^exported: \d+ event, 4 usage, 2 tenants, 2 members, 2 config, .*1 flag_overrides/)
    const lines = linesOf(await readFile(output, 'utf8'))
    for (const tenant of ['acme', 'globex', '$platform']) {
      const seqs = lines.filter((it) => it.kind === 'event' && it.tenant === tenant).map(({ seq }) => Number(seq))
      expect(seqs.length).toBeGreaterThan(0)
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
      // Nothing is missing: the sequence of a trail is dense.
      expect(new Set(seqs)).toEqual(new Set(Array.from({ length: Math.max(...seqs) }, (_, i) => i + 1)))
    }
    const shared = lines.filter(({ action }) => action === 'report.shared')
    expect(shared).toHaveLength(2 * REPORTS)
    expect(shared[0]).toMatchObject({ actor: { id: 'ada' }, metadata: { note: '\u202e✓' } })
    expect(lines.filter(({ kind, tenant }) => kind === 'usage' && tenant === 'acme')).toEqual([
      expect.objectContaining({ meter: 'reports', key: 'run-1', quantity: 1 }),
      expect.not.objectContaining({ key: expect.anything() }),
    ])
    expect(lines).toContainEqual(expect.objectContaining({ kind: 'limit_overrides', tenant: 'acme' }))
    expect(lines).toContainEqual(expect.objectContaining({ kind: 'members', tenant: 'globex' }))
    expect((await stat(output)).mode & 0o777).toBe(0o600)
  })

  it('writes one tenant’s to standard output, and nothing of another', async () => {
    const { code, stdout } = await throughline('export', '--file', file, '--tenant', 'acme')
    expect(code).toBe(0)
    const lines = linesOf(stdout)
    expect(new Set(lines.map(({ tenant }) => tenant))).toEqual(new Set(['acme']))
    expect(lines.filter(({ action }) => action === 'report.shared')).toHaveLength(REPORTS)
  })

  it('has records that wait to be projected, and says that their usage is missing', async () => {
    const waiting = join(await mkdtemp(join(folder.path, 'waiting-')), 'records.db')
    const app = createThroughline({
      storage: knexStorage({ filename: waiting, answerWithinMs: 20_000 }),
      tenants: { load: (id) => ({ id }) },
      journal: { project: false },
    })
    await app.run({ tenant: 'acme', actor: ada }, () => app.audit.record({ action: 'report.shared' }))
    await app.close()
    const { code, stdout, stderr } = await commandLine('export', '--file', waiting, '--all')
    expect(code).toBe(0)
    expect(linesOf(stdout)).toContainEqual(expect.objectContaining({ action: 'report.shared', tenant: 'acme' }))
    expect(stderr).toMatch(/wait to be projected is missing/)
  })

  it('writes over no file', async () => {
    const output = join(folder.path, 'taken.jsonl')
    await writeFile(output, 'mine')
    const taken = await commandLine('export', '--file', file, '--all', '--output', output)
    expect(taken).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('there already') })
    expect(await readFile(output, 'utf8')).toBe('mine')
    const nowhere = await commandLine('export', '--file', file, '--all', '--output', join(folder.path, 'none/x.jsonl'))
    expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('check its folder') })
    for (const path of ['', join(output, 'under-a-file.jsonl')]) {
      const impossible = await commandLine('export', '--file', file, '--all', '--output', path)
      expect(impossible).toMatchObject({ code: 2, stderr: expect.not.stringContaining('report it') })
    }
  })

  it('gives one file of one name to one of those that write it at once', async () => {
    const folderOfBoth = await mkdtemp(join(folder.path, 'both-'))
    const output = join(folderOfBoth, 'all.jsonl')
    const both = await Promise.all(
      [['--all'], ['--tenant', 'acme']].map((whose) =>
        commandLine('export', '--file', file, ...whose, '--output', output),
      ),
    )
    expect(both.map(({ code }) => code).toSorted()).toEqual([0, 2])
    expect(both.find(({ code }) => code === 2)?.stderr).toContain('is there already')
    expect(await readdir(folderOfBoth)).toEqual(['all.jsonl'])
  })

  it('is not kept from its file by what one that was killed has left', async () => {
    const output = join(folder.path, 'again.jsonl')
    await writeFile(`${output}.${process.pid}.partial`, 'half')
    expect((await commandLine('export', '--file', file, '--all', '--output', output)).code).toBe(0)
    expect(await readFile(output, 'utf8')).toContain('report.shared')
  })

  it('leaves no half of a file behind when it fails', async () => {
    const damaged = join(folder.path, 'damaged.db')
    await copyFile(file, damaged)
    const database = new Database(damaged)
    database.exec("UPDATE throughline_config SET value = '{'")
    database.close()
    const output = join(folder.path, 'half.jsonl')
    expect((await commandLine('export', '--file', damaged, '--all', '--output', output)).code).toBe(1)
    expect(existsSync(output)).toBe(false)
  })

  it('asks whose records are meant', async () => {
    for (const args of [[], ['--all', '--tenant', 'acme'], ['--tenant', ''], ['--all', '--tenant', '']]) {
      const { code, stderr } = await commandLine('export', '--file', file, ...args)
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: 'throughline: Say whose records: --all, or --tenant <id>.\n',
      })
    }
  })
})

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
