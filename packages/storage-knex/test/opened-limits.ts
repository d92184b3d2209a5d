import type { LimitsStore } from '@throughline/core/storage'
import { knexLimits } from '@throughline/storage-knex'
import knex from 'knex'

/** On a machine that many processes keep busy, none is to fail that would have had its turn. */
const PATIENT = { answerWithinMs: 60_000, busyTimeoutMs: 30_000 }

/** @param place a file, or the URL of a Postgres with `#` and a schema */
export async function openLimits(
  place: string,
  clock: 'server' | 'caller' = 'server',
): Promise<{ limits: LimitsStore; close(): Promise<void> }> {
  const [url, schema] = place.split('#') as [string, string?]
  if (schema === undefined) {
    const limits = knexLimits({ filename: place, clock, ...PATIENT })
    await limits.open()
    return { limits, close: () => limits.close() }
  }
  const app = knex({ client: 'pg', connection: url })
  const limits = knexLimits({ app, schema, clock, answerWithinMs: PATIENT.answerWithinMs })
  await limits.open()
  return {
    limits,
    async close() {
      await limits.close()
      await app.destroy()
    },
  }
}
