import { expect, it } from 'vitest'
import { type PostgresScratch, postgresScratch, service } from './postgres-scratch.ts'
import { openOptions, type ScratchStorage, scratchStorage } from './scratch-storage.ts'

const REQUEST = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 } as const
const ACTION = 'report.shared'
const ACTOR = { type: 'user', id: 'ann' }
/** When the records of each slice begin, and how much later their events are: some contexts are long. */
const SLICES = [
  [[10, 0]],
  [
    [20, 0],
    [5, 0],
  ],
  [[30, 5]],
  [[12, 60]],
  [
    [40, 0],
    [41, 0],
    [35, 0],
  ],
  [[90, 0]],
  [[70, 10]],
] // prettier-ignore
/** By sequence number: the latest event up to the end of its slice. */
const LATEST = [10, 20, 20, 35, 72, 72, 72, 72, 90, 90]

it.skipIf(!service.isReachable)('a page by action reads on Postgres nothing older than it is asked for', async () => {
  const scratch = await postgresScratch()
  await readPages(scratch, (sql) => scratch.query(sql))
})

it('a page by action reads on SQLite nothing older than it is asked for', async () => {
  const scratch = await scratchStorage()
  await readPages(scratch, async (sql) => scratch.stranger().exec(sql))
})

async function readPages(
  scratch: Pick<ScratchStorage | PostgresScratch, 'records' | 'destroy'>,
  query: (sql: string) => Promise<unknown>,
): Promise<void> {
  const { records } = scratch
  try {
    await records.open(openOptions())
    for (const [slice, drafts] of SLICES.entries()) {
      const body = drafts.map(([at, after], i) => {
        const events = [{ action: ACTION, notable: true, after }]
        return JSON.stringify({ id: `${slice}-${i}`, tenant: 'acme', at, actor: ACTOR, events })
      })
      await records.append({ writer: 'w', seq: slice + 1, lane: 0, body: `[${body.join(',\n')}]` })
      await records.project(REQUEST)
    }
    const page = async (from: number, tenant = 'acme') => {
      const { events } = await records.timeline({ tenant, actions: [ACTION], from, limit: 100 })
      return events.map(({ seq, occurredAt }) => ({ seq, at: Date.parse(occurredAt) }))
    }
    const all = await page(0)
    expect(all).toHaveLength(SLICES.flat().length)
    for (let from = 1; from <= 92; from++)
      expect(await page(from), String(from)).toEqual(all.filter(({ at }) => at >= from))
    expect(await page(1, 'globex')).toEqual([])

    // Whoever reads a row now finds it young: those are not read that no event as young as that comes before.
    await query(`UPDATE throughline_notable SET at = 1000, record = replace(record, '"at":', '"at":1000')`)
    for (let from = 1; from <= 92; from++) {
      const read = LATEST.flatMap((latest, i) => (latest < from ? [] : [i + 1])).reverse()
      expect(
        (await page(from)).map(({ seq }) => seq),
        String(from),
      ).toEqual(read)
    }
  } finally {
    await scratch.destroy()
  }
}
