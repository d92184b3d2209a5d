import { stat } from 'node:fs/promises'
import { ThroughlineError } from '@throughline/core/storage'
import knex, { type Knex } from 'knex'
import { describe, expect, it } from 'vitest'
import { knexStorage } from '../src/knex-storage.ts'
import { batchOf, openOptions, scratchStorage } from './scratch-storage.ts'

function appOn(connection: Knex.Config['connection'], client = 'better-sqlite3'): Knex {
  return knex({ client, useNullAsDefault: true, ...(connection && { connection }) })
}

describe('knexStorage', () => {
  it('keeps its tables in a file of their own beside the app’s, with a key that only the owner reads', async () => {
    const scratch = await scratchStorage()
    const file = `${scratch.filename}.app`
    const app = appOn({ filename: file })
    const { records } = knexStorage({ app })
    try {
      await app.schema.createTable('reports', (table) => table.increments('id'))
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      // The app's own transaction holds its own file, and nothing of ours waits for it.
      await app.transaction(async (trx) => {
        await trx('reports').insert({ id: 1 })
        await records.append(batchOf('acme', 2))
        expect(await records.project({ lane: 0, holder: 'p', leaseMs: 0, maxRows: 9 })).toMatchObject({ records: 2 })
      })
      const tables = await app.raw<{ name: string }[]>("SELECT name FROM sqlite_schema WHERE name LIKE 'throughline%'")
      expect(tables).toEqual([])
      expect((await stat(`${file}.throughline.db`)).size).toBeGreaterThan(0)
      expect((await stat(`${file}.throughline.db.key`)).mode & 0o777).toBe(0o600)
    } finally {
      await records.close()
      await app.destroy()
      await scratch.destroy()
    }
  })

  it('keeps them in memory for an app in memory, and where it is told to', async () => {
    const app = appOn(':memory:')
    const { records } = knexStorage({ app })
    try {
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      expect((await records.backlog()).rows).toBe(1)
    } finally {
      await records.close()
      await app.destroy()
    }
  })

  it('refuses other clients, and says which are supported', () => {
    for (const client of [{ driverName: 'mysql2', dialect: 'mysql' }, { dialect: 'oracle' }, undefined]) {
      expect(
        refusalOf(() => knexStorage({ app: Object.assign(() => {}, { client }) as unknown as Knex })),
      ).toMatchObject({
        code: 'OPTIONS_INVALID',
        message: expect.stringContaining('better-sqlite3, sqlite3, pg'),
      })
    }
  })

  it('lists what is wrong with its options, with what was meant', () => {
    const wrong = { filename: ':memory:', busyTimeoutMS: 1, answerWithinMs: 0, maxWaitingBytes: '1', onStatement: 1 }
    const { code, details } = refusalOf(() => knexStorage(wrong as never))
    expect(code).toBe('OPTIONS_INVALID')
    expect(details.problems).toHaveLength(4)
    expect(String(details.problems)).toContain('Did you mean "busyTimeoutMs"?')
    expect(refusalOf(() => knexStorage(undefined as never)).message).toContain('knexStorage({ app })')
  })

  it('takes on Postgres what is for Postgres, and on SQLite what is for SQLite', async () => {
    const app = knex({ client: 'pg', connection: 'postgres://u@127.0.0.1:1/d' })
    expect(knexStorage({ app }).records.name).toBe('knex:postgres')
    expect(refusalOf(() => knexStorage({ app, busyTimeoutMs: 5 })).message).toContain('on SQLite only')
    expect(refusalOf(() => knexStorage({ filename: ':memory:', schema: 'a' })).message).toContain('on Postgres only')
    for (const schema of ['', 'a'.repeat(64), 'a\u0000', 'pg_records', '$user', 7]) {
      expect(refusalOf(() => knexStorage({ app, schema: schema as string })).message).toContain('schema: it must be')
    }
    await app.destroy()
  })

  it('keeps what can not be appended apart by database and schema, and no password in its folder’s name', async () => {
    const folderOf = async (connection: Knex.Config['connection'], schema?: string): Promise<string | undefined> => {
      const app = appOn(connection, 'pg')
      const { records } = knexStorage({ app, ...(schema !== undefined && { schema }) })
      await app.destroy()
      return records.spillDirectory
    }
    const first = await folderOf('postgres://u:secret@127.0.0.1:1/a')
    expect(first).toMatch(/\.throughline[\\/][0-9a-f]{12}\.spill$/)
    expect(await folderOf({ host: '127.0.0.1', port: 1, user: 'v', password: 'other', database: 'a' })).toBe(first)
    const others = [await folderOf('postgres://u@127.0.0.1:1/b'), await folderOf('postgres://u@127.0.0.1:1/a', 'x')]
    expect(new Set([first, ...others]).size).toBe(3)
    expect(await folderOf(async () => ({ host: '127.0.0.1' }))).toBeUndefined()
  })

  it('asks for a file where the app’s can not be told', async () => {
    const app = appOn(async () => ({ filename: 'somewhere.db' }))
    expect(refusalOf(() => knexStorage({ app }))).toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringContaining('`filename`'),
    })
    await app.destroy()
  })

  it('refuses calls before it is opened and after it is closed', async () => {
    const { records } = knexStorage({ filename: ':memory:' })
    await expect(records.append(batchOf('acme', 1))).rejects.toMatchObject({ code: 'CLOSED' })
    await records.open(openOptions())
    await records.close()
    await expect(records.append(batchOf('acme', 1))).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

function refusalOf(call: () => unknown): ThroughlineError {
  try {
    call()
  } catch (error) {
    if (error instanceof ThroughlineError) return error
    throw error
  }
  throw new Error('It did not refuse.')
}
