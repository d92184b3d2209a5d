import { expect, it } from 'vitest'
import { readTrail, type TrailReader, walkTrail } from '../../src/audit/audit.ts'
import type { TimelineEvent, TimelineQuery } from '../../src/storage/index.ts'

const LAST = 100

/** Events of a trail in which every tenth record matches, three records at a time. */
function readerOf(stepMs = 0): TrailReader & { readonly asked: TimelineQuery[] } {
  const asked: TimelineQuery[] = []
  let now = 0
  return {
    asked,
    now: () => now,
    drain: async () => ({ behind: false }),
    async timeline(query) {
      asked.push(query)
      now += stepMs
      const start = (query.before?.seq ?? LAST + 1) - 1
      const seqs = [start, start - 1, start - 2].filter((seq) => seq > 0 && seq % 10 === 0).slice(0, query.limit)
      const events = seqs.map((seq) => ({ id: `r${seq}.0`, seq, index: 0 }) as TimelineEvent)
      return { events, ...(start > 3 && { next: { seq: start - 2, index: 0 } }) }
    },
  }
}

const idsOf = (events: readonly TimelineEvent[]): readonly number[] => events.map(({ seq }) => seq)

it('a page is as long as was asked, however many of the storage’s that takes', async () => {
  const reader = readerOf()
  const first = await readTrail(reader, 'acme', { limit: 4 })
  expect(idsOf(first.events)).toEqual([100, 90, 80, 70])
  expect(reader.asked.map(({ limit }) => limit)).toEqual(
    [4, 3, 3, 3, 2, 2, 2, 1, 1, 1, 1].slice(0, reader.asked.length),
  )
  const rest = await readTrail(reader, 'acme', { limit: 9, cursor: first.next as string })
  expect(idsOf(rest.events)).toEqual([60, 50, 40, 30, 20, 10])
  expect(rest.next).toBeUndefined()
})

it('a page that takes too long to find says where it goes on, with what it has or with nothing', async () => {
  const reader = readerOf(2_000)
  const pages: (readonly number[])[] = []
  let cursor: string | undefined
  do {
    const page = await readTrail(reader, 'acme', { limit: 4, ...(cursor !== undefined && { cursor }) })
    pages.push(idsOf(page.events))
    cursor = page.next
  } while (cursor !== undefined)
  expect(pages).toContainEqual([])
  expect(pages.flat()).toEqual([100, 90, 80, 70, 60, 50, 40, 30, 20, 10])
  // Three looks of 2 s, and 5 s are over.
  expect(reader.asked.length).toBeLessThanOrEqual(pages.length * 3)
})

it('all of them are walked through, whatever the pages hold', async () => {
  const events: TimelineEvent[] = []
  for await (const event of walkTrail(readerOf(9_000), 'acme', {})) events.push(event)
  expect(idsOf(events)).toEqual([100, 90, 80, 70, 60, 50, 40, 30, 20, 10])
})
