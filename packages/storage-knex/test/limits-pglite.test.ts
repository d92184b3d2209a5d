import { limitsContract } from '@throughline/core/testing'
import knex, { type Knex } from 'knex'
import ClientPglite from 'knex-pglite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KnexLimits, knexLimits } from '../src/limits/knex-limits.ts'
import { rate, take } from './limits-asked.ts'

/** It takes seconds to start, so there is one for all. */
let app: Knex
let limits: KnexLimits

beforeAll(async () => {
  app = knex({ client: ClientPglite, connection: {} })
  await app.raw('SELECT 1')
  limits = knexLimits({ app, clock: 'caller', answerWithinMs: 10_000 })
  await limits.open()
}, 120_000)

afterAll(async () => {
  await limits?.close()
  await app?.destroy()
})

describe('limits on PGlite', () => {
  const create = async () => ({ limits, destroy: async () => {} })
  for (const { name, run } of limitsContract({ name: 'pglite', create })) it(name, run)

  it('wait for the app’s transaction, and say so when it takes too long', async () => {
    const hasty = knexLimits({ app, clock: 'caller', answerWithinMs: 100 })
    await hasty.open()
    await app.transaction(async () => {
      await expect(take(hasty, rate('a'))).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE' })
    })
    expect(await take(limits, rate('a'))).toBe(1)
    await hasty.close()
  })
})
