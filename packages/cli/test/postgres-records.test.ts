import { randomBytes } from 'node:crypto'
import { createThroughline } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import knex from 'knex'
import { afterAll, describe, expect, it } from 'vitest'
import { postgresService } from '../../../test/services.ts'
import { commandLine } from './command.ts'

const service = await postgresService()
const schema = `tl_cli_${process.pid}_${randomBytes(4).toString('hex')}`
const named = ['--url', service.url, '--schema', schema] as const

describe.skipIf(!service.isReachable)('the command line on Postgres', () => {
  const database = knex({ client: 'pg', connection: service.url })
  afterAll(async () => {
    await database.raw('DROP SCHEMA IF EXISTS ?? CASCADE', [schema])
    await database.destroy()
  })

  it('says where there is no schema, makes it with everything, and applies nothing twice', async () => {
    const none = await commandLine('status', ...named)
    expect(none).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(`no schema "${schema}"`) })
    const first = await commandLine('migrate', ...named)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('001-journal, 002-trail, 003-usage')
    expect((await commandLine('migrate', ...named)).stdout).toMatch(/is up to date; nothing was applied/)
    const status = await commandLine('status', ...named)
    expect(status).toMatchObject({ code: 0, stderr: '' })
    expect(status.stdout).toMatch(/schema +up to date\njournal +empty/)
  })

  it('adds what is named, and exits with 1 where a migration is missing', async () => {
    const another = ['--url', service.url, '--schema', `${schema}_part`] as const
    try {
      const named = await commandLine('migrate', ...another, '--feature', 'usage')
      expect(named.stdout).toMatch(/001-journal, 002-trail, 003-usage[^\n]*\n.*no tables for .*flags/)
      await database.raw("DELETE FROM ??.throughline_migrations WHERE name = '002-trail'", [`${schema}_part`])
      const status = await commandLine('status', ...another, '--json')
      expect(status.code).toBe(1)
      expect(JSON.parse(status.stdout)).toMatchObject({ missing: ['002-trail'], backlog: { rows: 0 } })
    } finally {
      await database.raw('DROP SCHEMA IF EXISTS ?? CASCADE', [`${schema}_part`])
    }
  })

  it('projects what an app left to a worker, and prints it before and after', async () => {
    const app = createThroughline({
      storage: knexStorage({ app: database, schema, answerWithinMs: 20_000 }),
      journal: { project: false, drainTimeout: 20_000 },
    })
    try {
      await app.run({ tenant: 'acme', actor: { id: 'ada' } }, () => app.audit.record({ action: 'report.shared' }))
      const query = ['timeline', ...named, '--tenant', 'acme', '--action', 'report.shared', '--json']
      const waiting = await commandLine(...query)
      expect(JSON.parse(waiting.stdout)).toMatchObject({ action: 'report.shared', actor: { id: 'ada' }, count: 1 })
      expect(JSON.parse(waiting.stdout)).not.toHaveProperty('seq')
      const worker = await commandLine('worker', ...named, '--once')
      expect(worker).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('nothing waits') })
      expect(JSON.parse((await commandLine(...query)).stdout)).toHaveProperty('seq')
      expect((await commandLine('timeline', ...named, '--tenant', 'globex')).stdout).toMatch(/^No such events/)
    } finally {
      await app.close()
    }
  })

  it('grants a role what the app needs, which then may look and not migrate', async () => {
    const role = `${schema}_app`
    await database.raw('CREATE ROLE ?? LOGIN', [role])
    try {
      expect((await commandLine('migrate', ...named)).code).toBe(0)
      const refused = await actingAs(role, 'status')
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('may not use the schema') })
      const granted = await commandLine('migrate', ...named, '--grant', role)
      expect(granted).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(`Granted to ${role}.`) })
      expect(await actingAs(role, 'status')).toMatchObject({ code: 0, stderr: '' })
      expect(await actingAs(role, 'timeline', '--tenant', 'acme')).toMatchObject({ code: 0, stderr: '' })
      expect(await actingAs(role, 'migrate')).toMatchObject({ code: 0, stdout: expect.stringContaining('up to date') })
      await database.raw("DELETE FROM ??.throughline_migrations WHERE name = '006-definitions'", [schema])
      const migrating = await actingAs(role, 'migrate')
      expect(migrating).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('may not do that') })
    } finally {
      await database.raw('DROP OWNED BY ??', [role])
      await database.raw('DROP ROLE ??', [role])
    }
  })

  it('says which database is not there', async () => {
    const url = new URL(service.url)
    url.pathname = '/tl_no_such_database'
    const refused = await commandLine('status', '--url', url.href)
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('no database of this name') })
  })

  it('says what the server answers to what it refuses', async () => {
    const replica = new URL(service.url)
    replica.searchParams.set('options', '-c default_transaction_read_only=on')
    const refused = await commandLine('migrate', '--url', replica.href, '--schema', `${schema}_replica`)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^throughline: The server refuses it: .* read-only transaction \(25006\)\.\n$/)
  })
})

/** A command of a connection that acts as another role. */
function actingAs(role: string, command: string, ...args: readonly string[]) {
  const url = new URL(service.url)
  url.searchParams.set('options', `-c role=${role}`)
  return commandLine(command, '--url', url.href, '--schema', schema, ...args)
}

describe('a URL of Postgres', () => {
  it('is never printed with its password', async () => {
    const url = 'postgres://ada:s3cret@127.0.0.1:1/app'
    const said = [
      await commandLine('status', '--url', url),
      await commandLine('worker', '--url', url, '--once'),
      await commandLine('status', `--urls=${url}`),
      await commandLine('status', '--url', `//${url}`),
      await commandLine('export', '--all', '--url', url),
    ]
    for (const { code, stdout, stderr } of said) {
      expect(code).not.toBe(0)
      expect(stdout + stderr).not.toContain('s3cret')
    }
    expect(said[0]?.stderr).toContain('No server answers at the host and port of the URL')
  })

  it('is what --schema and --grant go with', async () => {
    const schemed = await commandLine('status', '--file', 'x.db', '--schema', 'records')
    expect(schemed).toMatchObject({ code: 2, stderr: expect.stringContaining('--schema goes with') })
    for (const name of ['', 'a'.repeat(64), 'pg_records', '$user']) {
      const reserved = await commandLine('migrate', '--url', service.url, '--schema', name)
      expect(reserved).toMatchObject({ code: 2, stderr: expect.stringContaining('--schema must be a name') })
    }
    const granted = await commandLine('migrate', '--file', 'x.db', '--grant', 'app')
    expect(granted).toMatchObject({ code: 2, stderr: expect.stringContaining('--grant goes with') })
  })
})
