import { describe, expect, it } from 'vitest'
import { postgresScratch, service } from './postgres-scratch.ts'
import { batchOf, openOptions } from './scratch-storage.ts'

const REQUEST = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 } as const
const HOUR = 3_600_000
const MOST = Number.MAX_SAFE_INTEGER

describe.skipIf(!service.isReachable)('quantities on Postgres', () => {
  it("stop at the most that can be read, and hold up nobody else's records", async () => {
    const scratch = await postgresScratch()
    const { records } = scratch
    try {
      await records.open(openOptions())
      const { now } = openOptions()
      // In one slice more than a column holds; more on top of what is there; and then in another hour.
      for (const [seq, times] of [1_100, 1, 1].entries()) {
        await records.append({
          writer: 'w',
          seq: seq + 1,
          lane: 0,
          body: bodyOf(seq, times, now() + Math.floor(seq / 2) * HOUR),
        })
        await records.append(batchOf('globex', seq + 1, 'g'))
        let left = 2
        while (left > 0) left -= (await records.project(REQUEST)).rows
      }
      const usage = await records.usage({ tenant: 'acme', from: 0, to: MOST })
      expect(usage).toEqual([{ meter: 'bytes', quantity: MOST, count: 1_102 }])
    } finally {
      await scratch.destroy()
    }
  })
})

function bodyOf(batch: number, times: number, at: number): string {
  const events = [{ action: 'usage.recorded', targets: [{ type: 'meter', id: 'bytes' }], metadata: { quantity: MOST } }]
  const actor = { type: 'user', id: 'ann' }
  const records = Array.from({ length: times }, (_, i) => {
    return JSON.stringify({ id: `${batch}-${i}`, tenant: 'acme', at, actor, events })
  })
  return `[${records.join(',\n')}]`
}
