import { limitsContract } from '@throughline/core/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limitsProperty } from '../../../test/limits-model/limits-commands.ts'
import type { KnexLimits } from '../src/limits/knex-limits.ts'
import { type LimitsScratch, limitsScratch, service } from './limits-scratch.ts'

describe.runIf(service.isReachable)('limits on Postgres', () => {
  let scratch: LimitsScratch
  let limits: KnexLimits

  beforeAll(async () => {
    scratch = await limitsScratch()
    limits = scratch.limits({ clock: 'caller' })
    await limits.open()
  })

  afterAll(() => scratch.destroy())

  /** The cases have groups of their own. */
  const create = async () => ({ limits, destroy: async () => {} })

  for (const { name, run } of limitsContract({ name: 'postgres', create })) it(name, run)

  it('come to the same as the model', async () => {
    await limitsProperty(create, { runs: 150 })
    expect(limits.name).toBe('knex:postgres')
  })
})
