import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limitsContract } from '@throughline/core/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limitsProperty } from '../../../test/limits-model/limits-commands.ts'
import { type KnexLimits, knexLimits } from '../src/limits/knex-limits.ts'

let directory: string
let limits: KnexLimits

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'throughline-test-'))
  limits = knexLimits({ filename: join(directory, 'limits.db'), clock: 'caller' })
  await limits.open()
})

afterAll(async () => {
  await limits.close()
  await rm(directory, { recursive: true, force: true })
})

/** The cases have groups of their own. */
const create = async () => ({ limits, destroy: async () => {} })

describe('limits on SQLite', () => {
  for (const { name, run } of limitsContract({ name: 'sqlite', create })) it(name, run)

  it('come to the same as the model', async () => {
    await limitsProperty(create, { runs: 300 })
    expect(limits.name).toBe('knex:sqlite')
  })
})
