import { describe, expect, it } from 'vitest'
import { until } from '../../../../test/until.ts'
import { LaneWriter } from '../../src/journal/lane-writer.ts'
import type { JournalBatch } from '../../src/storage/index.ts'
import { batchLines } from '../../src/storage/index.ts'

/** A lane whose appends wait until they are let go. */
function lane() {
  const bodies: string[] = []
  const waiting: { resolve(): void; reject(error: unknown): void }[] = []
  const writer = new LaneWriter({
    lane: 0,
    writer: 'w',
    append: ({ body }) => {
      bodies.push(body)
      return new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }))
    },
    spill: undefined,
    now: () => 1_000,
    onAppended: () => undefined,
    onFailure: () => undefined,
  })
  return { writer, bodies, waiting }
}

const settled = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: { code?: string }) => error.code ?? 'unknown',
  )

describe('while the storage hangs', () => {
  it('keeps at most 20,000 lines waiting, refuses the others at once, and then goes on', async () => {
    const { writer, bodies, waiting } = lane()
    const first = settled(writer.add('acme', '{"n":0}', undefined))
    await until(() => waiting.length === 1)
    const outcomes = Array.from({ length: 20_500 }, (_, i) => settled(writer.add('acme', `{"n":${i}}`, undefined)))
    expect(await outcomes.at(-1)).toBe('RECORDS_FULL')
    waiting.shift()?.resolve()
    await until(() => waiting.length === 1)
    waiting.shift()?.resolve()
    expect(await first).toBe('ok')
    const counts = { ok: 0, RECORDS_FULL: 0 }
    for (const outcome of await Promise.all(outcomes)) counts[outcome as keyof typeof counts] += 1
    expect(counts).toEqual({ ok: 20_000, RECORDS_FULL: 500 })
    expect(bodies.map((body) => batchLines(body).length)).toEqual([1, 20_000])
    await writer.idle()
  })

  it('keeps at most 64 Mi characters waiting', async () => {
    const { writer, waiting } = lane()
    void writer.add('acme', '{}', undefined)
    await until(() => waiting.length === 1)
    const line = JSON.stringify({ large: 'x'.repeat(1 << 20) })
    const outcomes = Array.from({ length: 100 }, () => settled(writer.add('acme', line, undefined)))
    expect(await outcomes.at(-1)).toBe('RECORDS_FULL')
    expect(await outcomes[64]).toBe('RECORDS_FULL')
  })

  it('keeps one count for equal refusals, however many there are', async () => {
    const { writer, bodies, waiting } = lane()
    const refuse = (i: number): Promise<void> =>
      writer.add('acme', '{"refused":true}', { fold: { key: 'k', id: `r${i}`, at: 1_000 } })
    const first = refuse(0)
    await until(() => waiting.length === 1)
    const others = Array.from({ length: 50_000 }, (_, i) => refuse(i + 1))
    waiting.shift()?.resolve()
    await until(() => waiting.length === 1)
    waiting.shift()?.resolve()
    await Promise.all([first, ...others])
    const [repeat, ...more] = batchLines(bodies[1] as string).map((line) => JSON.parse(line))
    expect(more).toEqual([])
    expect(repeat).toMatchObject({ tenant: 'acme', repeat: { of: 'r0', count: 50_000 } })
  })
})

it('counts no refusal on one that could not be kept', async () => {
  const { writer, bodies, waiting } = lane()
  const stuck = settled(writer.add('acme', '{"stuck":true}', undefined))
  await until(() => waiting.length === 1)
  waiting.shift()?.reject(new Error('down'))
  // It is kept and tried again, so nobody can say that it did not happen.
  expect(await stuck).toBe('OUTCOME_UNKNOWN')
  const lost = settled(writer.add('acme', '{"refused":1}', { fold: { key: 'k', id: 'r1', at: 1_000 } }))
  await until(() => waiting.length === 1)
  waiting.shift()?.reject(new Error('still down'))
  expect(await lost).toBe('RECORDS_UNAVAILABLE')
  const kept = writer.add('acme', '{"refused":2}', { fold: { key: 'k', id: 'r2', at: 1_001 } })
  await until(() => waiting.length === 1)
  waiting.shift()?.resolve()
  await until(() => waiting.length === 1)
  waiting.shift()?.resolve()
  await kept
  expect(batchLines(bodies.at(-1) as string)).toEqual(['{"refused":2}'])
})

describe('a batch whose append failed', () => {
  it('is tried again as of when it was made: a storage may place it by that', async () => {
    const asked: JournalBatch[] = []
    let now = 1_000
    const writer = new LaneWriter({
      lane: 0,
      writer: 'w',
      append: async (batch) => {
        asked.push(batch)
        if (asked.length === 1) throw new Error('down')
      },
      spill: undefined,
      now: () => now,
      onAppended: () => undefined,
      onFailure: () => undefined,
    })
    expect(await settled(writer.add('acme', '{"n":0}', undefined))).toBe('OUTCOME_UNKNOWN')
    now = 9_000
    expect(await writer.recover()).toBe(true)
    expect(asked.map(({ seq, at }) => [seq, at])).toEqual([
      [1, 1_000],
      [1, 1_000],
    ])
  })
})
