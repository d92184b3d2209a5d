import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createThroughline, perMinute } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { postgresService } from '../../../test/services.ts'
import { until } from '../../../test/until.ts'
import { commandLine, scratchFolder } from './command.ts'
import { postgresSchema } from './postgres-schema.ts'

const ada = { id: 'ada', roles: ['admin'] }
/** More than one portion of rows. */
const REPORTS = 700
const NOTE = '\u202e✓ "quoted" \\u0000 \\ \u0000 end'

const service = await postgresService()

type Line = { readonly kind: string; readonly tenant: string } & Readonly<Record<string, unknown>>

describe.skipIf(!service.isReachable)('throughline export on Postgres', () => {
  const place = postgresSchema(service.url)
  let folder: Awaited<ReturnType<typeof scratchFolder>>

  beforeAll(async () => {
    folder = await scratchFolder()
    const app = createThroughline({
      storage: knexStorage({ app: place.database, schema: place.schema, answerWithinMs: 20_000 }),
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
        const record = (i: number) => app.audit.record({ action: 'report.shared', metadata: { i, note: NOTE } })
        await Promise.all(Array.from({ length: REPORTS }, (_, i) => record(i)))
        // Everything acknowledged so far is projected for it.
        await app.usage.totals()
      })
    }
    await app.close()
  }, 60_000)

  afterAll(async () => {
    await place.drop()
    await folder.remove()
  })

  it('writes everything of all tenants, one object a line, each trail in its order', async () => {
    const output = join(folder.path, 'all.jsonl')
    const { code, stdout, stderr } = await commandLine('export', ...place.named, '--all', '--output', output)
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toMatch(/^exported: \d+ event, 4 usage, 2 tenants, 2 members, 2 config, .*1 flag_overrides/)
    const lines = linesOf(await readFile(output, 'utf8'))
    expect(new Set(lines.map(({ tenant }) => tenant))).toEqual(new Set(['$platform', 'acme', 'globex']))
    for (const tenant of ['acme', 'globex', '$platform']) {
      const seqs = lines.filter((it) => it.kind === 'event' && it.tenant === tenant).map(({ seq }) => Number(seq))
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
      // Nothing is missing: the sequence of a trail is dense.
      expect(new Set(seqs)).toEqual(new Set(Array.from({ length: Math.max(...seqs) }, (_, i) => i + 1)))
    }
    const usage = lines.filter(({ kind, tenant }) => kind === 'usage' && tenant === 'acme')
    expect(usage).toEqual([
      {
        kind: 'usage',
        tenant: 'acme',
        meter: 'reports',
        key: 'run-1',
        hour: expect.any(String),
        quantity: 1,
        count: 1,
      },
      { kind: 'usage', tenant: 'acme', meter: 'reports', hour: expect.any(String), quantity: 1, count: 1 },
    ])
    expect(lines).toContainEqual(expect.objectContaining({ kind: 'limit_overrides', tenant: 'acme', version: 1 }))
    expect(lines).toContainEqual(expect.objectContaining({ kind: 'members', tenant: 'globex' }))
    expect((await stat(output)).mode & 0o777).toBe(0o600)
  })

  it('writes one tenant’s to standard output, as the timeline has them, and nothing of another', async () => {
    const { code, stdout } = await commandLine('export', ...place.named, '--tenant', 'acme')
    expect(code).toBe(0)
    const lines = linesOf(stdout)
    expect(new Set(lines.map(({ tenant }) => tenant))).toEqual(new Set(['acme']))
    const exported = lines.filter(({ kind }) => kind === 'event').map(({ kind, tenant, ...event }) => event)
    expect(exported.filter(({ action }) => action === 'report.shared')).toHaveLength(REPORTS)
    const shown = await commandLine('timeline', ...place.named, '--tenant', 'acme', '--limit', '9999', '--json')
    const newestFirst = linesOf(shown.stdout)
    expect(exported).toHaveLength(newestFirst.length)
    expect(bySequence(exported)).toEqual(bySequence(newestFirst))
  })

  it('is of the moment it began, however long it takes, and what is recorded meanwhile is not held up', async () => {
    const admin = await place.admin()
    const recording = createThroughline({
      storage: knexStorage({ app: place.database, schema: place.schema, answerWithinMs: 20_000 }),
      meters: { reports: { aggregate: 'count' } },
      journal: { drainTimeout: 20_000 },
    })
    try {
      let events = 0
      for await (const row of admin.export('acme')) {
        if (row.kind === 'usage') expect(row.key).not.toBe('late')
        if (row.kind !== 'event') continue
        events += 1
        expect(row.action).not.toBe('report.deleted')
        if (events > 1) continue
        await recording.run({ tenant: 'acme', actor: ada }, async () => {
          await recording.audit.record({ action: 'report.deleted' })
          await recording.usage.record('reports', 1, { key: 'late' })
          // Moved to the trail, which the export has yet to read.
          expect((await recording.audit.list({ action: 'report.deleted' })).events).toHaveLength(1)
          expect((await recording.usage.totals()).totals).toMatchObject([{ count: 3 }])
        })
      }
      expect(events).toBeGreaterThan(REPORTS)
      // And another one, that is left early, is of no hindrance to what comes after it.
      for await (const { kind } of admin.export()) {
        expect(kind).toBe('event')
        break
      }
      expect((await admin.status()).missing).toEqual([])
    } finally {
      await recording.close()
      await admin.close()
    }
  })

  it('begins when nobody empties the journal any more: what was in it is in one place or the other', async () => {
    const admin = await place.admin()
    try {
      const events: unknown[] = []
      const exporting = place.database.transaction(async (trx) => {
        await trx.raw('LOCK TABLE ??.throughline_journal IN ACCESS EXCLUSIVE MODE', [place.schema])
        const reading = (async () => {
          for await (const row of admin.export('initech')) events.push(row)
        })()
        await until(async () => {
          const { rows } = await place.database.raw(
            'SELECT 1 FROM pg_locks WHERE relation = to_regclass(?) AND NOT granted',
            [`${place.schema}.throughline_journal`],
          )
          return rows.length > 0
        })
        await trx.raw('INSERT INTO ??.throughline_usage_ledger VALUES (?, ?, ?, 0, 1, 1)', [
          place.schema,
          'initech',
          'reports',
          'k:moved',
        ])
        return { reading }
      })
      await (await exporting).reading
      expect(events).toMatchObject([{ kind: 'usage', key: 'moved' }])
    } finally {
      await admin.close()
    }
  })

  it('has records that wait to be projected, and says that their usage is missing', async () => {
    const waiting = postgresSchema(service.url)
    try {
      const app = createThroughline({
        storage: knexStorage({ app: waiting.database, schema: waiting.schema, answerWithinMs: 20_000 }),
        journal: { project: false },
      })
      await app.run({ tenant: 'acme', actor: ada }, () => app.audit.record({ action: 'report.shared' }))
      await app.close()
      const { code, stdout, stderr } = await commandLine('export', ...waiting.named, '--all')
      expect(code).toBe(0)
      expect(linesOf(stdout)).toContainEqual(expect.objectContaining({ action: 'report.shared', tenant: 'acme' }))
      expect(stderr).toMatch(/wait to be projected is missing/)
    } finally {
      await waiting.drop()
    }
  })

  it('says where there is nothing to export', async () => {
    const none = await commandLine('export', '--url', service.url, '--schema', `${place.schema}_none`, '--all')
    expect(none).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('There is no schema') })
  })
})

function bySequence(events: readonly Readonly<Record<string, unknown>>[]): readonly unknown[] {
  return events.toSorted((a, b) => Number(a.seq) - Number(b.seq) || Number(a.index) - Number(b.index))
}

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
