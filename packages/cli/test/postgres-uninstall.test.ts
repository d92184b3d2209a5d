import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createThroughline } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import { describe, expect, it } from 'vitest'
import { postgresService } from '../../../test/services.ts'
import { commandLine } from './command.ts'
import { type PostgresSchema, postgresSchema } from './postgres-schema.ts'

const service = await postgresService()

function appOn({ database, schema }: PostgresSchema, project = true) {
  return createThroughline({
    storage: knexStorage({ app: database, schema, answerWithinMs: 20_000 }),
    meters: { reports: { aggregate: 'count' } },
    journal: { project, drainTimeout: 20_000 },
  })
}

/** The records of an app that has ended, in a schema of their own. */
async function leftBehind(run: (place: PostgresSchema) => Promise<void>, project = true): Promise<void> {
  const place = postgresSchema(service.url)
  try {
    const app = appOn(place, project)
    await app.run({ tenant: 'acme', actor: { id: 'ada' } }, () => app.audit.record({ action: 'report.shared' }))
    await app.close()
    await run(place)
  } finally {
    await place.drop()
  }
}

/** Everything that has a name in the schema. */
async function namesIn({ database, schema }: PostgresSchema): Promise<readonly string[]> {
  const { rows } = await database.raw(
    `SELECT c.relname AS name FROM pg_class AS c WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p', 'v', 'S')
UNION ALL SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = to_regnamespace(:schema) ORDER BY 1`,
    { schema },
  )
  return rows.map(({ name }: { readonly name: string }) => name)
}

async function hasSchema({ database, schema }: PostgresSchema): Promise<boolean> {
  const { rows } = await database.raw('SELECT 1 FROM pg_namespace WHERE nspname = ?', [schema])
  return rows.length > 0
}

describe.skipIf(!service.isReachable)('throughline uninstall on Postgres', () => {
  it('says what it would drop, and drops nothing without --yes', async () => {
    await leftBehind(async (place) => {
      const before = await namesIn(place)
      const { code, stdout, stderr } = await commandLine('uninstall', ...place.named)
      expect({ code, stderr }).toEqual({ code: 2, stderr: 'throughline: Nothing was dropped; say --yes to do it.\n' })
      expect(stdout).toMatch(/view +│ throughline_timeline/)
      expect(stdout).toMatch(/table +│ throughline_trail +│ [1-9]/)
      // Its parts are no tables of their own.
      expect(stdout.match(/throughline_journal/g)).toHaveLength(1)
      expect(await namesIn(place)).toEqual(before)
    })
  })

  it('leaves nothing behind with --yes', async () => {
    await leftBehind(async (place) => {
      const { code, stdout, stderr } = await commandLine('uninstall', ...place.named, '--yes')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain(`Removed the schema "${place.schema}".`)
      expect(await hasSchema(place)).toBe(false)
      const again = await commandLine('uninstall', ...place.named, '--yes')
      expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no schema') })
    })
  })

  it('leaves what is not ours as it is', async () => {
    await leftBehind(async (place) => {
      const own = (sql: string) => place.database.raw(sql.replaceAll('~', `"${place.schema}".`))
      await own('CREATE TABLE ~reports (id serial PRIMARY KEY); INSERT INTO ~reports DEFAULT VALUES')
      await own('CREATE TABLE ~throughline_notes (id integer); INSERT INTO ~throughline_notes VALUES (1)')
      await own("CREATE FUNCTION ~shout(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)'")
      const { code, stdout } = await commandLine('uninstall', ...place.named, '--yes')
      expect(code).toBe(0)
      expect(stdout).toContain(`the schema "${place.schema}" stays`)
      expect(await namesIn(place)).toEqual(['reports', 'reports_id_seq', 'shout', 'throughline_notes'])
      const none = await commandLine('uninstall', ...place.named, '--yes')
      expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing of Throughline') })
    })
  })

  it('drops nothing where something of the app’s depends on it', async () => {
    await leftBehind(async (place) => {
      const own = (sql: string) => place.database.raw(sql.replaceAll('~', `"${place.schema}".`))
      await own('CREATE VIEW ~shares AS SELECT * FROM ~throughline_timeline')
      const before = await namesIn(place)
      const refused = await commandLine('uninstall', ...place.named, '--yes')
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('depends on the tables') })
      expect(await namesIn(place)).toEqual(before)
    })
  })

  it('refuses while records wait to be projected, unless it is forced', async () => {
    await leftBehind(async (place) => {
      const refused = await commandLine('uninstall', ...place.named, '--yes')
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/rows? waits? to be projected.*--force/) })
      expect(await namesIn(place)).toContain('throughline_journal')
      expect((await commandLine('uninstall', ...place.named, '--yes', '--force')).code).toBe(0)
      expect(await hasSchema(place)).toBe(false)
    }, false)
  })

  it('refuses while records that were spilled here wait to be replayed', async () => {
    await leftBehind(async (place) => {
      const { records } = knexStorage({ app: place.database, schema: place.schema })
      const spill = records.spillDirectory ?? ''
      await mkdir(spill, { recursive: true })
      try {
        await writeFile(join(spill, 'writer.spill'), 'a batch')
        const refused = await commandLine('uninstall', ...place.named, '--yes')
        expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('spilled') })
        expect(await namesIn(place)).toContain('throughline_journal')
        expect((await commandLine('uninstall', ...place.named, '--yes', '--force')).code).toBe(0)
        expect(existsSync(spill)).toBe(false)
      } finally {
        await rm(spill, { recursive: true, force: true })
      }
    })
  })

  it.each([
    { who: 'an app', project: true },
    { who: 'an app that leaves projecting to a worker', project: false },
  ])(
    'refuses while $who uses the records, whatever is said: what it acknowledged would be lost',
    async ({ project }) => {
      await leftBehind(async (place) => {
        const app = appOn(place, project)
        try {
          await app.ready()
          const refused = await commandLine('uninstall', ...place.named, '--yes', '--force')
          expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('stop the app') })
          await app.run({ tenant: 'acme', actor: { id: 'ada' } }, () => app.audit.record({ action: 'report.shared' }))
          expect(await namesIn(place)).toContain('throughline_journal')
        } finally {
          await app.close()
        }
        expect((await commandLine('uninstall', ...place.named, '--yes', '--force')).code).toBe(0)
      })
    },
  )

  it('is hindered by no app on another schema', async () => {
    await leftBehind(async (place) => {
      const other = postgresSchema(service.url)
      const app = appOn(other)
      try {
        await app.ready()
        expect((await commandLine('uninstall', ...place.named, '--yes')).code).toBe(0)
        expect(await namesIn(other)).toContain('throughline_journal')
      } finally {
        await app.close()
        await other.drop()
      }
    })
  })
})
