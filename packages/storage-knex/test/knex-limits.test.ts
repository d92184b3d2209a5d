import { join } from 'node:path'
import { createThroughline, perDay } from '@throughline/core'
import { combine, ThroughlineError } from '@throughline/core/storage'
import knex, { type Knex } from 'knex'
import { describe, expect, it } from 'vitest'
import { inScratchDirectory } from '../../../test/fixtures/scratch-directory.ts'
import { knexStorage } from '../src/knex-storage.ts'
import { type KnexLimitsOptions, knexLimits } from '../src/limits/knex-limits.ts'
import { limitsScratch, service } from './limits-scratch.ts'

describe('knexLimits', () => {
  it.each([
    [{}, 'filename'],
    [null, 'give an object'],
    [{ filename: '' }, 'filename: it must be the name of a file'],
    [{ filename: 'a.db', clok: 'server' }, 'Did you mean "clock"'],
    [{ filename: 'a.db', clock: 'wall' }, 'clock: it is wall'],
    [{ filename: 'a.db', answerWithinMs: 0.5 }, 'answerWithinMs: it is 0.5'],
    [{ filename: 'a.db', busyTimeoutMs: -1 }, 'busyTimeoutMs: it is -1'],
    [{ filename: 'a.db', onStatement: true }, 'onStatement'],
    [{ filename: 'a.db', schema: 'x' }, 'schema: it is an option on Postgres only'],
    [{ app: knex({ client: 'pg' }), filename: 'a.db' }, 'filename: it is an option on SQLite only'],
    [{ app: knex({ client: 'pg' }), busyTimeoutMs: 1 }, 'busyTimeoutMs: it is an option on SQLite only'],
    [{ app: knex({ client: 'pg' }), schema: 'x'.repeat(64) }, 'schema: it must be a name'],
    [{ app: { client: { driverName: 'mysql2' } } }, 'not with "mysql2"'],
    [{ app: knex({ client: 'better-sqlite3', connection: 'file:a?mode=memory', useNullAsDefault: true }) }, 'filename'],
  ])('refuses %j', (options, sentence) => {
    const make = () => knexLimits(options as unknown as KnexLimitsOptions)
    expect(make).toThrow(ThroughlineError)
    expect(make).toThrow(sentence)
  })

  it('stands beside the records of the same app, and opens nothing until it is asked', async () => {
    const app = knex({ client: 'pg', connection: 'postgres://nobody@127.0.0.1:1/nowhere' })
    const limits = knexLimits({ app })
    const storage = combine(knexStorage({ app }), { limits })
    expect(storage.limits).toBe(limits)
    expect(limits.name).toBe('knex:postgres')
    await limits.close()
    await app.destroy()
  })

  it('shares what a tenant may between two instances on SQLite', () =>
    inScratchDirectory(async (directory) => {
      const filename = join(directory, 'app.db')
      const app = knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true })
      expect(await allowedOfBoth(app, {})).toEqual([true, true, true, false])
      await app.destroy()
    }))

  it.runIf(service.isReachable)('shares what a tenant may between two instances on Postgres', async () => {
    const { app, schema, destroy } = await limitsScratch()
    try {
      expect(await allowedOfBoth(app, { schema })).toEqual([true, true, true, false])
    } finally {
      await destroy()
    }
  })
})

/** Two instances take turns at a limit of three. */
async function allowedOfBoth(app: Knex, place: { readonly schema?: string }): Promise<readonly boolean[]> {
  const instances = await Promise.all(
    [1, 2].map(async () => {
      const limits = knexLimits({ app, ...place })
      await limits.open()
      const throughline = createThroughline({
        storage: combine(knexStorage({ app, ...place }), { limits }),
        tenants: { load: (id) => ({ id }) },
        limits: { api: perDay(3) },
        limiting: { timeoutMs: 5_000 },
      })
      await throughline.ready()
      return throughline
    }),
  )
  const allowed: boolean[] = []
  for (const throughline of [...instances, ...instances]) {
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => {
      allowed.push((await throughline.limits.consume('api')).allowed)
    })
  }
  await Promise.all(instances.map((throughline) => throughline.close()))
  return allowed
}
