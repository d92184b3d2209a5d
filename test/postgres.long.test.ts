import { describe, it } from 'vitest'
import { killed } from './fixtures/killed-on-postgres.ts'
import { postgresService } from './services.ts'

const { url, isReachable } = await postgresService()

describe.skipIf(!isReachable)('records on Postgres', () => {
  it.each([{ atOnce: 1 }, { atOnce: 2 }])(
    'kill -9 of $atOnce process(es) at any moment loses nothing of what was acknowledged, and counts nothing twice',
    ({ atOnce }) => killed({ url, kills: 20, atOnce }),
  )
})
