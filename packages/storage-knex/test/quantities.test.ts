import type { QuotaMove } from '@throughline/core/storage'
import { expect, it } from 'vitest'
import { type PostgresScratch, postgresScratch, service } from './postgres-scratch.ts'
import { batchOf, openOptions, type ScratchStorage, scratchStorage } from './scratch-storage.ts'

const REQUEST = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 } as const
const HOUR = 3_600_000
const MOST = Number.MAX_SAFE_INTEGER

it.skipIf(!service.isReachable)(
  "on Postgres stop at the most that can be read, and hold up nobody else's records",
  async () => {
    const scratch = await postgresScratch()
    await countTooMuch(scratch, (sql) => scratch.query(sql))
  },
)

it("on SQLite stop at the most that can be read, and hold up nobody else's records", async () => {
  const scratch = await scratchStorage()
  await countTooMuch(scratch, async (sql) => scratch.stranger().prepare<[], object>(sql).all())
})

async function countTooMuch(
  scratch: Pick<ScratchStorage | PostgresScratch, 'records' | 'destroy'>,
  query: (sql: string) => Promise<object[]>,
): Promise<void> {
  const { records } = scratch
  try {
    await records.open(openOptions())
    const { now } = openOptions()
    const quota = { tenant: 'acme', meter: 'bytes', period: new Date(now()).toISOString().slice(0, 7) }
    const move = (seed?: QuotaMove['seed']) =>
      records.commit({
        writer: 'w',
        lane: 0,
        writes: [],
        quotas: [{ ...quota, delta: 0, ...(seed && { seed }) }],
        body: '[]',
      })
    await move({ from: 0, to: 0 })
    // In one slice more than a column holds; more on top of what is there; and then as much in another hour.
    for (const [seq, times] of [1_100, 1, 1_100].entries()) {
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
    expect(usage).toEqual([{ meter: 'bytes', quantity: MOST, count: 2_201 }])
    const rollups = await query(`SELECT DISTINCT CAST(quantity AS text) AS quantity FROM throughline_usage_rollups`)
    expect(rollups).toEqual([{ quantity: String(MOST) }])
    expect(await move()).toMatchObject({ used: [MOST] })
    await query('DELETE FROM throughline_quotas RETURNING meter')
    expect(await move({ from: 0, to: MOST })).toMatchObject({ used: [MOST] })
  } finally {
    await scratch.destroy()
  }
}

function bodyOf(batch: number, times: number, at: number): string {
  const events = [{ action: 'usage.recorded', targets: [{ type: 'meter', id: 'bytes' }], metadata: { quantity: MOST } }]
  const actor = { type: 'user', id: 'ann' }
  const records = Array.from({ length: times }, (_, i) => {
    return JSON.stringify({ id: `${batch}-${i}`, tenant: 'acme', at, actor, events })
  })
  return `[${records.join(',\n')}]`
}
