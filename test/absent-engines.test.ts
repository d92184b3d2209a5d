import { join } from 'node:path'
import type { ThroughlineOptions } from '@throughline/core'
import { createThroughline, perMinute, quotaPerMonth } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'

const ALWAYS = [
  'heads',
  'journal',
  'leases',
  'migrations',
  'notable',
  'repeats',
  'timeline',
  'trail',
  'versions',
  'writers',
]

const USAGE = ['quotas', 'usage_ledger', 'usage_rollups']

/** What each engine's option adds. */
const ENGINES: readonly {
  readonly name: string
  readonly options: ThroughlineOptions
  readonly tables: readonly string[]
}[] = [
  { name: 'limits', options: { limits: { api: perMinute(10) } }, tables: ['limit_overrides'] },
  {
    name: 'flags',
    options: { flags: { reports: { default: true } } },
    tables: ['definitions', 'flag_overrides', 'flags'],
  },
  { name: 'meters', options: { meters: { reports: { aggregate: 'count' } } }, tables: USAGE },
  { name: 'config', options: { config: z.object({ theme: z.string().optional() }) }, tables: ['config'] },
  { name: 'tenants', options: { tenants: 'ours' }, tables: ['members', 'tenants'] },
]

/** Every table that any engine has: none of them may be asked for without it. */
const OPTIONAL = ENGINES.flatMap(({ tables }) => tables)

it('createThroughline({ storage }) alone has the tables of journal and trail, and asks for no others', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const statements = await useOnce(filename, {})
    expect(tablesOf(filename)).toEqual(ALWAYS)
    expect(askedFor(statements)).toEqual([])
    expect(statements.length).toBeGreaterThan(10)
  })
})

it.each(ENGINES)('adding $name adds its tables, and taking it out leaves them alone', async ({ options, tables }) => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    await useOnce(filename, {})
    const statements = await useOnce(filename, options)
    expect(tablesOf(filename)).toEqual([...ALWAYS, ...tables].sort())
    expect(askedFor(statements).filter((table) => !tables.includes(table))).toEqual([])

    const without = await useOnce(filename, {})
    expect(tablesOf(filename)).toEqual([...ALWAYS, ...tables].sort())
    expect(askedFor(without)).toEqual([])
    // And in again.
    await useOnce(filename, options)
  })
})

it('has no engine that was not asked for', async () => {
  await inScratchDirectory(async (directory) => {
    const alone = createThroughline({ storage: knexStorage({ filename: join(directory, 'records.db') }) })
    for (const name of ['flags', 'limits', 'usage', 'config', 'members']) expect(name in alone, name).toBe(false)
    for (const name of ['flags', 'limits', 'usage', 'tenants']) expect(name in alone.platform, name).toBe(false)
    await alone.close()
  })
})

it('all engines, then none, then all: what they knew is still there', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const options = {
      flags: { reports: { default: false } },
      limits: { api: perMinute(10) },
      meters: { reports: { aggregate: 'count' } },
      plans: { free: { quotas: { reports: quotaPerMonth(2, { hard: true }) } } },
      config: z.object({ theme: z.string().optional() }),
      tenants: 'ours',
    } as const
    const full = createThroughline({ ...options, storage: knexStorage({ filename }) })
    await full.platform.run({ actor: { id: 'op' }, reason: 'setting up' }, async (platform) => {
      await platform.tenants.create({ id: 'acme', plan: 'free' })
      await platform.limits.override('acme', 'api', perMinute(99))
    })
    await full.run({ tenant: 'acme', actor: { id: 'ann' } }, async () => {
      await full.config.set({ theme: 'dark' })
      await full.usage.record('reports')
    })
    await full.close()
    expect(tablesOf(filename)).toEqual([...ALWAYS, ...OPTIONAL].sort())

    await useOnce(filename, {})

    const again = createThroughline({ ...options, storage: knexStorage({ filename }) })
    await again.run({ tenant: 'acme', actor: { id: 'ann' } }, async () => {
      expect(again.config.get('theme')).toBe('dark')
      expect(await again.limits.consume('api')).toMatchObject({ allowed: true, remaining: 98 })
      await again.usage.record('reports')
      await expect(again.usage.record('reports')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
      const { events } = await again.audit.list({ action: 'report.shared' })
      expect(events).toHaveLength(1)
    })
    await again.close()
  })
})

/** A process's life with these options: it works, reads, projects and ends. Answers every statement that it ran. */
async function useOnce(filename: string, options: ThroughlineOptions): Promise<readonly string[]> {
  const statements: string[] = []
  const storage = knexStorage({ filename, onStatement: (sql) => void statements.push(sql) })
  const throughline = createThroughline({ ...options, storage })
  await throughline.ready()
  try {
    await throughline.platform.run({ actor: { id: 'op' }, reason: 'looking' }, (platform) => platform.audit.list())
    if (options.tenants === 'ours') return statements
    await throughline.run({ tenant: 'acme', actor: { id: 'ann' } }, async () => {
      await throughline.audit.record({ action: 'report.shared', targets: [{ type: 'report', id: '7' }] })
      expect((await throughline.audit.list({ last: '1h' })).events[0]?.action).toBe('report.shared')
    })
    expect((await throughline.health()).status).toBe('ok')
  } finally {
    await throughline.close()
  }
  return statements
}

/** Tables and views, without their prefix. */
function tablesOf(filename: string): string[] {
  const database = new Database(filename, { readonly: true })
  try {
    return database
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name")
      .pluck()
      .all()
      .map((name) => name.replace(/^throughline_/, ''))
      .sort()
  } finally {
    database.close()
  }
}

/** The tables of engines that statements read or write. */
function askedFor(statements: readonly string[]): string[] {
  return OPTIONAL.filter((table) =>
    statements.some((sql) => new RegExp(`(FROM|JOIN|INTO|UPDATE)\\s+throughline_${table}\\b`, 'i').test(sql)),
  )
}
