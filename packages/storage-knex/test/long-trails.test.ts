import type { RecordsStore, TimelineEvent, TimelineQuery } from '@throughline/core/storage'
import { expect, it } from 'vitest'
import { MOST_LOOKED_AT } from '../src/looked-at.ts'
import { postgresScratch, service } from './postgres-scratch.ts'
import { openOptions, scratchStorage } from './scratch-storage.ts'

const AT = 1_762_000_000_000
/** Far apart: as if each segment had very many records. */
const STEP = 20_000
const SEGMENTS = 12
const QUERIES: readonly Omit<TimelineQuery, 'tenant' | 'limit'>[] = [
  {},
  { actor: 'rare' },
  { actor: 'nobody' },
  { actions: ['request.handled'] },
  { actions: ['run.completed'] },
  { actions: ['run.completed', 'request.handled'], actor: 'rare' },
  { actor: 'rare', from: AT + 3 },
  { actor: 'nobody', from: AT + 9 },
  { to: AT + 2 },
  { to: AT },
]

it('a page of a long trail on SQLite looks at so many records at the most, and says where it goes on', async () => {
  const scratch = await scratchStorage()
  try {
    await scratch.records.open(openOptions())
    await check(scratch.records, async (sql) => scratch.stranger().exec(sql))
  } finally {
    await scratch.destroy()
  }
})

it.skipIf(!service.isReachable)('a page of a long trail on Postgres does so too', async () => {
  const scratch = await postgresScratch()
  try {
    await scratch.records.open(openOptions())
    await check(scratch.records, (sql) => scratch.query(sql))
  } finally {
    await scratch.destroy()
  }
})

async function check(records: RecordsStore, run: (sql: string) => Promise<unknown>): Promise<void> {
  const rows = Array.from({ length: SEGMENTS }, (_, i) => {
    const at = AT + i
    return `('acme', ${1 + i * STEP}, 1, ${at}, ${at}, ${at}, '', '', '${bodyOf(i)}')`
  })
  await run(`INSERT INTO throughline_trail VALUES ${rows.join(', ')}`)
  await run(`INSERT INTO throughline_heads VALUES ('acme', ${SEGMENTS * STEP}, '', ${AT + SEGMENTS})`)
  for (const query of QUERIES) {
    const expected = Array.from({ length: SEGMENTS }, (_, i) => i)
      .reverse()
      .filter((i) => matches(i, query))
    for (const limit of [1, 2, 100]) {
      const { events, ends } = await walk(records, { tenant: 'acme', limit, ...query })
      expect(
        events.map(({ id }) => id),
        `${JSON.stringify(query)}, ${limit}`,
      ).toEqual(expected.map((i) => `r${i}.0`))
      // Each page but the last ends within reach of where it began.
      for (const [i, seq] of ends.entries()) {
        const begun = i === 0 ? SEGMENTS * STEP : (ends[i - 1] as number)
        expect(begun - seq).toBeLessThanOrEqual(MOST_LOOKED_AT + STEP)
      }
    }
  }
  expect((await records.timeline({ tenant: 'acme', limit: 9, actor: 'nobody' })).next).toBeDefined()
  expect(await records.timeline({ tenant: 'acme', limit: 9, actor: 'nobody', from: AT + 11 })).toEqual({ events: [] })
  expect(await records.timeline({ tenant: 'globex', limit: 9, actor: 'nobody' })).toEqual({ events: [] })
}

async function walk(
  records: RecordsStore,
  query: TimelineQuery,
): Promise<{ readonly events: readonly TimelineEvent[]; readonly ends: readonly number[] }> {
  const events: TimelineEvent[] = []
  const ends: number[] = []
  for (let before = query.before; ; ) {
    const page = await records.timeline({ ...query, ...(before && { before }) })
    events.push(...page.events)
    if (!page.next) return { events, ends }
    before = page.next
    ends.push(before.seq)
  }
}

function actorOf(i: number): string {
  return i === 0 || i === 5 ? 'rare' : 'ann'
}

function actionOf(i: number): string {
  return i === 1 ? 'run.completed' : 'request.handled'
}

function bodyOf(i: number): string {
  const actor = { type: 'user', id: actorOf(i) }
  return JSON.stringify([{ id: `r${i}`, tenant: 'acme', at: AT + i, actor, events: [{ action: actionOf(i) }] }])
}

function matches(
  i: number,
  { actions, actor, from = 0, to = Number.POSITIVE_INFINITY }: (typeof QUERIES)[number],
): boolean {
  if (actions && !actions.includes(actionOf(i))) return false
  if (actor !== undefined && actor !== actorOf(i)) return false
  return AT + i >= from && AT + i < to
}
