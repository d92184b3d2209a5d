import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../../test/until.ts'
import { PLATFORM } from '../../src/vocabulary.ts'
import { JournalBench } from './bench.ts'

let bench: JournalBench

beforeEach(async () => {
  bench = await JournalBench.open()
})
afterEach(() => bench.destroy())

const settled = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: { code?: string; name?: string }) => error.code ?? error.name ?? 'unknown',
  )

describe('group commit', () => {
  it('appends everything that settles in one turn as one journal row', async () => {
    const journal = bench.journal()
    await Promise.all(Array.from({ length: 500 }, (_, i) => journal.add('acme', bench.line(String(i)))))
    expect(bench.records.asked).toHaveLength(1)
    await journal.drain()
    expect(await bench.names()).toEqual(Array.from({ length: 500 }, (_, i) => String(i)))
  })

  it('puts what comes while an append is under way into the next row, and has one under way at a time', async () => {
    const journal = bench.journal()
    bench.records.break('hang', 'append')
    const first = journal.add('acme', bench.line('first'))
    await until(() => bench.records.hanging === 1)
    const later = ['a', 'b', 'c'].map((name) => journal.add('acme', bench.line(name)))
    await new Promise((resolve) => setImmediate(resolve))
    expect(bench.records.asked).toHaveLength(1)
    bench.records.heal()
    await Promise.all([first, ...later])
    expect(bench.records.asked.map(({ seq }) => seq)).toEqual([1, 2])
    await journal.drain()
    expect(await bench.names()).toEqual(['first', 'a', 'b', 'c'])
  })

  it('keeps the order and an own sequence in each lane', async () => {
    const journal = bench.journal({ lanes: 4 })
    const tenants = Array.from({ length: 20 }, (_, i) => `t${i}`)
    for (let round = 0; round < 5; round++) {
      await Promise.all(tenants.map((tenant) => journal.add(tenant, bench.line(String(round), tenant))))
    }
    expect(new Set(bench.records.asked.map(({ writer }) => writer)).size).toBe(4)
    await journal.drain()
    for (const tenant of tenants) expect(await bench.names(tenant)).toEqual(['0', '1', '2', '3', '4'])
    expect(await bench.trail(PLATFORM)).toEqual([])
  })
})

describe('the projector', () => {
  const tenants = Array.from({ length: 20 }, (_, i) => `t${i}`)

  it('projects lanes that a process with more of them left', async () => {
    const ended = bench.journal({ lanes: 4, project: false })
    await Promise.all(tenants.map((tenant) => ended.add(tenant, bench.line('left', tenant))))
    const journal = bench.journal()
    expect(await journal.drain()).toEqual({ behind: false })
    for (const tenant of tenants) expect(await bench.names(tenant)).toEqual(['left'])
  })

  it('goes on with the other lanes when one can not be projected', async () => {
    const { records } = bench
    const journal = bench.journal({
      lanes: 4,
      drainTimeout: 100,
      records: {
        append: (batch) => records.append(batch),
        commit: (change) => records.commit(change),
        backlog: () => records.backlog(),
        project: async (request) => {
          if (request.lane === 0) throw new Error('A row that nobody can read.')
          return records.project(request)
        },
      },
    })
    await Promise.all(tenants.map((tenant) => journal.add(tenant, bench.line('a', tenant))))
    expect(await journal.drain()).toEqual({ behind: true })
    expect((await records.backlog()).lanes).toEqual([0])
  })
})

describe('an append that fails', () => {
  it('spills, acknowledges, and replays exactly once and in order', async () => {
    const journal = bench.journal()
    await journal.add('acme', bench.line('before'))
    bench.records.break('fail', 'append')
    for (const name of ['a', 'b', 'c']) await journal.add('acme', bench.line(name))
    expect(journal.healthy).toBe(false)
    expect(await journal.health()).toMatchObject({ status: 'degraded' })
    expect((await journal.health()).spilledBytes).toBeGreaterThan(0)
    bench.records.heal()
    const during = journal.add('acme', bench.line('during'))
    await Promise.all([during, until(() => journal.healthy)])
    await journal.add('acme', bench.line('after'))
    await journal.drain()
    expect(await bench.names()).toEqual(['before', 'a', 'b', 'c', 'during', 'after'])
    expect(await bench.trail(PLATFORM)).toEqual([])
    expect(await journal.health()).toMatchObject({ status: 'ok', spilledBytes: 0 })
  })

  it('counts a batch once that was stored although its append was reported failed', async () => {
    const journal = bench.journal()
    bench.records.break('storeThenFail', 'append')
    await journal.add('acme', bench.line('ambiguous'))
    bench.records.heal()
    await until(() => journal.healthy)
    await journal.add('acme', bench.line('next'))
    await journal.drain()
    expect(await bench.names()).toEqual(['ambiguous', 'next'])
    expect(await bench.trail(PLATFORM)).toEqual([])
  })

  it('counts it once, too, when it was projected before it is repeated', async () => {
    const journal = bench.journal({ project: false })
    bench.records.break('storeThenFail', 'append')
    await journal.add('acme', bench.line('ambiguous'))
    await bench.records.project({ lane: 0, holder: 'other', leaseMs: 1, maxRows: 100 })
    bench.records.heal()
    await until(() => journal.healthy)
    bench.now += 10
    await bench.records.project({ lane: 0, holder: 'other', leaseMs: 1, maxRows: 100 })
    expect(await bench.names()).toEqual(['ambiguous'])
  })

  it('answers OUTCOME_UNKNOWN to the batch that no longer fits the spill, refuses later ones with RECORDS_FULL, and recovers without a gap', async () => {
    const journal = bench.journal({ maxBytes: 4_096 })
    bench.records.break('fail', 'append')
    const acknowledged: string[] = []
    const outcomes: string[] = []
    for (let i = 0; i < 40; i++) {
      const outcome = await settled(journal.add('acme', bench.line(`n${i}`)))
      outcomes.push(outcome)
      if (outcome === 'ok') acknowledged.push(`n${i}`)
    }
    const firstRefused = outcomes.findIndex((outcome) => outcome !== 'ok')
    expect(outcomes[firstRefused]).toBe('OUTCOME_UNKNOWN')
    expect(new Set(outcomes.slice(firstRefused + 1))).toEqual(new Set(['RECORDS_FULL']))
    expect(acknowledged.length).toBeGreaterThan(5)
    expect(acknowledged.length).toBeLessThan(30)
    bench.records.heal()
    await until(() => journal.healthy)
    await journal.add('acme', bench.line('after'))
    await journal.drain()
    const names = await bench.names()
    // The batch whose outcome was not known was given its sequence and is stored; what was refused is not.
    expect(names).toEqual([...acknowledged, `n${firstRefused}`, 'after'])
    expect(await bench.trail(PLATFORM)).toEqual([])
  })

  it('answers OUTCOME_UNKNOWN where there is no spill, refuses later batches with RECORDS_UNAVAILABLE, and recovers', async () => {
    const journal = bench.journal({ spill: undefined })
    bench.records.break('fail', 'append')
    expect(await settled(journal.add('acme', bench.line('a')))).toBe('OUTCOME_UNKNOWN')
    expect(await settled(journal.add('acme', bench.line('refused')))).toBe('RECORDS_UNAVAILABLE')
    expect(journal.healthy).toBe(false)
    bench.records.heal()
    await journal.add('acme', bench.line('b'))
    expect(journal.healthy).toBe(true)
    await journal.drain()
    expect(await bench.names()).toEqual(['a', 'b'])
    expect(await bench.trail(PLATFORM)).toEqual([])
  })
})

describe('strict', () => {
  it('answers OUTCOME_UNKNOWN when the record had to be spilled, and the record is stored once all the same', async () => {
    const journal = bench.journal()
    bench.records.break('storeThenFail', 'append')
    const both = [
      journal.add('acme', bench.line('strict'), { strict: true }),
      journal.add('acme', bench.line('plain')),
    ] as const
    expect(await Promise.all(both.map(settled))).toEqual(['OUTCOME_UNKNOWN', 'ok'])
    expect(journal.healthy).toBe(false)
    bench.records.heal()
    await until(() => journal.healthy)
    await journal.drain()
    expect(await bench.names()).toEqual(['strict', 'plain'])
  })
})

describe('what ended processes left', () => {
  /** The spill of a process that died: the file stays, and no process has its id. */
  async function dieWith(names: readonly string[]): Promise<string> {
    const journal = bench.journal()
    bench.records.break('fail', 'append')
    for (const name of names) await journal.add('acme', bench.line(name))
    const [file] = await readdir(bench.directory)
    const text = await readFile(join(bench.directory, file as string), 'utf8')
    await journal.close()
    for (const left of await readdir(bench.directory)) await writeFile(join(bench.directory, left), '')
    bench.records.heal()
    return text
  }

  // Above the largest process id that Linux gives.
  const DEAD = 4_194_305

  it('is replayed by the next one that starts', async () => {
    const text = await dieWith(['a', 'b'])
    await writeFile(join(bench.directory, `${DEAD}-x.spill`), text)
    const journal = bench.journal()
    await journal.start()
    await journal.drain()
    expect(await bench.names()).toEqual(['a', 'b'])
    expect(await readdir(bench.directory)).not.toContain(`${DEAD}-x.spill`)
  })

  it('is read without a torn last line, which nobody was told of', async () => {
    const text = await dieWith(['a', 'b', 'c'])
    await writeFile(join(bench.directory, `${DEAD}-x.spill`), text.slice(0, -20))
    const journal = bench.journal()
    await journal.start()
    await journal.drain()
    expect(await bench.names()).toEqual(['a', 'b'])
    expect(await readdir(bench.directory)).not.toContain(`${DEAD}-x.spill`)
  })

  it('stays until the storage takes it, and is then replayed once', async () => {
    const text = await dieWith(['a', 'b'])
    await writeFile(join(bench.directory, `${DEAD}-x.spill`), text)
    bench.records.break('fail', 'append')
    const journal = bench.journal()
    await journal.start()
    expect(await readdir(bench.directory)).toContain(`${DEAD}-x.spill`)
    bench.records.heal()
    await until(async () => !(await readdir(bench.directory)).includes(`${DEAD}-x.spill`))
    await journal.drain()
    expect(await bench.names()).toEqual(['a', 'b'])
  })

  it('leaves the file of a living process alone', async () => {
    const text = await dieWith(['a'])
    const living = `${process.ppid}-x.spill`
    await writeFile(join(bench.directory, living), text)
    const journal = bench.journal()
    await journal.start()
    await journal.drain()
    expect(await bench.names()).toEqual([])
    expect(await readdir(bench.directory)).toContain(living)
  })
})

describe('reads', () => {
  it('see everything acknowledged before them, what was spilled too', async () => {
    const journal = bench.journal()
    bench.records.break('fail', 'append')
    await journal.add('acme', bench.line('spilled'))
    bench.records.heal()
    expect(await journal.drain()).toEqual({ behind: false })
    expect(await bench.names()).toEqual(['spilled'])
  })

  it('say that they are behind while the spill can not be replayed', async () => {
    const journal = bench.journal()
    bench.records.break('fail', 'append')
    await journal.add('acme', bench.line('spilled'))
    expect(await journal.drain()).toEqual({ behind: true })
  })

  it('say that they are behind when the projector is stalled or another one holds the lane', async () => {
    const journal = bench.journal({ drainTimeout: 20 })
    await journal.add('acme', bench.line('a'))
    bench.records.break('fail', 'project')
    expect(await journal.drain()).toEqual({ behind: true })
    bench.records.heal()
    await bench.records.project({ lane: 0, holder: 'other', leaseMs: 60_000, maxRows: 0 })
    await journal.add('acme', bench.line('b'))
    expect(await journal.drain()).toEqual({ behind: true })
    bench.now += 60_001
    expect(await journal.drain()).toEqual({ behind: false })
    expect(await bench.names()).toEqual(['a', 'b'])
  })

  it('do not try a projector that fails again and again at each poll', async () => {
    const journal = bench.journal({ drainTimeout: 400 })
    await journal.add('acme', bench.line('a'))
    bench.records.break('fail', 'project')
    const drained = await Promise.all(Array.from({ length: 20 }, () => journal.drain()))
    expect(drained.every(({ behind }) => behind)).toBe(true)
    expect(bench.failures.length).toBeLessThan(10)
    bench.records.heal()
    expect(await journal.drain()).toEqual({ behind: false })
  })

  it('do not wait for what came after they began', async () => {
    const journal = bench.journal({ project: false })
    const flood: Promise<void>[] = []
    await journal.add('acme', bench.line('before'))
    let draining = true
    const drained = journal.drain().finally(() => {
      draining = false
    })
    for (let i = 0; draining && i < 1_000; i++) {
      flood.push(journal.add('acme', bench.line(`later${i}`)))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await drained).toEqual({ behind: false })
    expect(await bench.names()).toContain('before')
    await Promise.all(flood)
  })
})

describe('close', () => {
  it('loses nothing of what was added before it, and refuses what comes after', async () => {
    const journal = bench.journal()
    const added = Array.from({ length: 100 }, (_, i) => journal.add('acme', bench.line(String(i))))
    await journal.close()
    await Promise.all(added)
    expect(await bench.names()).toHaveLength(100)
    expect(await settled(journal.add('acme', bench.line('late')))).toBe('CLOSED')
    expect(await settled(journal.commit('acme', { writes: [], quotas: [] }, []))).toBe('CLOSED')
  })

  it('leaves the spill for the next process when the storage stays away', async () => {
    const journal = bench.journal({ drainTimeout: 10 })
    bench.records.break('fail', 'append')
    await journal.add('acme', bench.line('a'))
    await journal.close()
    const [file] = await readdir(bench.directory)
    bench.records.heal()
    expect(await readFile(join(bench.directory, file as string), 'utf8')).toContain('test.a')
    const next = bench.journal()
    await next.start()
    await next.drain()
    expect(await bench.names()).toEqual(['a'])
    expect(await readdir(bench.directory)).toEqual([])
  })
})
