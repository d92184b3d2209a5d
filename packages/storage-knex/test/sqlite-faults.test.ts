import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import type { Request } from '../src/sqlite/protocol.ts'
import type { Thread } from '../src/sqlite/start-thread.ts'
import { startThread } from '../src/sqlite/start-thread.ts'
import { deafThread, inProcessThread } from './in-process-thread.ts'
import { batchOf, openOptions, type ScratchStorage, scratchStorage, sqliteRecords } from './scratch-storage.ts'

const UNAVAILABLE = { code: 'RECORDS_UNAVAILABLE' }
const PROJECT = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 1_000 }

async function using(scratch: ScratchStorage, run: (scratch: ScratchStorage) => Promise<void>): Promise<void> {
  try {
    await run(scratch)
  } finally {
    await scratch.destroy()
  }
}

async function drain({ records }: Pick<ScratchStorage, 'records'>): Promise<number> {
  let found = 0
  for (let more = true; more; ) {
    const result = await records.project(PROJECT)
    found += result.records
    more = result.more
  }
  return found
}

/** Repeats until it succeeds: a thread that died is not started again at once. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 10_000
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

describe('SqliteRecords in trouble', () => {
  it('says so while another connection holds the file, and goes on after it', async () => {
    await using(await scratchStorage(), async (scratch) => {
      const { records } = scratch
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      const stranger = scratch.stranger()
      stranger.exec('BEGIN EXCLUSIVE')
      await expect(records.append(batchOf('acme', 2))).rejects.toMatchObject({
        ...UNAVAILABLE,
        details: { sqlite: 'SQLITE_BUSY' },
      })
      await expect(records.commit({ writer: 'w', lane: 0, writes: [], quotas: [], body: '[]' })).rejects.toMatchObject(
        UNAVAILABLE,
      )
      await expect(records.project(PROJECT)).rejects.toMatchObject(UNAVAILABLE)
      stranger.exec('ROLLBACK')
      await records.append(batchOf('acme', 2))
      expect(await drain(scratch)).toBe(2)
    })
  })

  it('says so when the disk is full, loses nothing that it confirmed, and goes on when there is room', async () => {
    const limits = { pages: 1_000_000 }
    const connections: Database.Database[] = []
    class SmallDisk extends Database {
      constructor(filename?: string, options?: Database.Options) {
        super(filename, options)
        connections.push(this)
        this.pragma(`max_page_count = ${limits.pages}`)
      }
    }
    await using(await scratchStorage({ start: inProcessThread(SmallDisk as typeof Database) }), async (scratch) => {
      const { records } = scratch
      await records.open(openOptions())
      const pages = connections[0]?.pragma('page_count', { simple: true })
      connections[0]?.pragma(`max_page_count = ${Number(pages) + 10}`)
      let confirmed = 0
      let refused: unknown
      for (let seq = 1; !refused; seq++) {
        await records.append({ ...batchOf('acme', seq), body: bigBody(seq) }).then(
          () => (confirmed += 1),
          (error) => (refused = error),
        )
      }
      expect(refused).toMatchObject({ ...UNAVAILABLE, details: { sqlite: 'SQLITE_FULL' } })
      await expect(
        records.commit({
          writer: 'w',
          lane: 0,
          writes: [{ kind: 'config', tenant: 'acme', key: '', value: 'x'.repeat(100_000) }],
          quotas: [],
          body: '[]',
        }),
      ).rejects.toMatchObject(UNAVAILABLE)
      // Together in one transaction: the first would fit, and is undone with the second.
      const small = batchOf('acme', 1, 'small')
      const together = [
        records.append(small),
        records.append({ ...batchOf('acme', 1, 'large'), body: bigBody(0, 100) }),
      ]
      for (const outcome of await Promise.allSettled(together)) expect(outcome.status).toBe('rejected')
      connections[0]?.pragma('max_page_count = 1000000')
      await records.append(small)
      await records.append({ ...batchOf('acme', confirmed + 1), body: bigBody(confirmed + 1) })
      expect(confirmed).toBeGreaterThan(0)
      expect(await drain(scratch)).toBe(confirmed + 2)
      expect((await records.read({ tenant: 'acme', kinds: ['config'] })).documents).toEqual([])
      expect((await records.timeline({ tenant: '$platform', limit: 1 })).events).toEqual([])
    })
  })

  it('answers what was under way when its thread dies, and starts another', async () => {
    const threads: Thread[] = []
    const start: typeof startThread = (options) => {
      const thread = startThread(options)
      threads.push(thread)
      return thread
    }
    await using(await scratchStorage({ start }), async (scratch) => {
      const { records } = scratch
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      const second = records.append(batchOf('acme', 2))
      await Promise.all([
        // It may have been stored before the end: then the answer is lost, or just made it.
        second.catch((error) => expect(error).toMatchObject(UNAVAILABLE)),
        Promise.resolve().then(() => threads[0]?.terminate()),
      ])
      await expect(records.append(batchOf('acme', 2))).rejects.toMatchObject(UNAVAILABLE)
      await eventually(() => records.append(batchOf('acme', 2)))
      await records.append(batchOf('acme', 3))
      expect(await drain(scratch)).toBe(3)
      expect((await records.timeline({ tenant: '$platform', limit: 1 })).events).toEqual([])
      expect(threads).toHaveLength(3)
    })
  })

  it('gives up what is not answered in time, refuses what would wait too long, and never hangs', async () => {
    const deaf = deafThread()
    let starts = 0
    const scratch = await scratchStorage({
      answerWithinMs: 30,
      maxWaitingBytes: 10_000,
      start: (options) => (starts++ === 0 ? inProcessThread()(options) : deaf),
    })
    await using(scratch, async ({ records }) => {
      await records.open(openOptions())
      // The reader is the deaf one.
      await expect(records.backlog()).rejects.toMatchObject({ ...UNAVAILABLE, details: { unanswered: true } })
      const asked = Array.from({ length: 25_000 }, () => records.backlog())
      const outcomes = await Promise.allSettled(asked)
      expect(outcomes.every((outcome) => outcome.status === 'rejected')).toBe(true)
      expect(deaf.received).toHaveLength(2)
    })
  })

  it('reads an answer that has come while this process was busy for longer than a call may take', async () => {
    await using(await scratchStorage({ answerWithinMs: 500 }), async (scratch) => {
      const { records } = scratch
      await records.open(openOptions())
      await records.append(batchOf('acme', 1))
      const rows = scratch.stranger().prepare('SELECT count(*) FROM throughline_journal').pluck()
      // From here timers have their turn before messages.
      await new Promise((resolve) => setImmediate(resolve))
      const appended = records.append(batchOf('acme', 2))
      // It is posted after this turn's microtasks.
      await Promise.resolve()
      await Promise.resolve()
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
      expect(rows.get()).toBe(2)
      await appended
    })
  })

  it('does not begin what nobody waits for any more', async () => {
    const scratch = await scratchStorage({
      start: (options) => {
        const thread = inProcessThread()(options)
        const post = thread.postMessage.bind(thread)
        let posted = 0
        thread.postMessage = (message: Request) => {
          if (options.role === 'writer') posted += 1
          // The second one comes too late, as behind a slow disk.
          post(posted === 2 ? { ...message, deadline: 0 } : message)
        }
        return thread
      },
    })
    await using(scratch, async ({ records }) => {
      await records.open(openOptions())
      await expect(records.append(batchOf('acme', 1))).rejects.toMatchObject(UNAVAILABLE)
      await records.append(batchOf('acme', 2))
      expect(await drain({ records })).toBe(1 + 1)
      const alarms = await records.timeline({ tenant: '$platform', limit: 9 })
      expect(alarms.events.map((event) => event.action)).toEqual(['journal.gap'])
    })
  })

  it('lets a process end that does not close it', async () => {
    await using(await scratchStorage({ start: inProcessThread() }), async ({ filename }) => {
      const child = spawn(process.execPath, [
        '--conditions=source',
        fileURLToPath(new URL('./append-and-return.ts', import.meta.url)),
        filename,
      ])
      const [code] = await once(child, 'exit')
      expect(code).toBe(0)
    })
  })

  it('refuses a file that is no database', async () => {
    await using(await scratchStorage({ start: inProcessThread() }), async ({ records, filename }) => {
      await writeFile(filename, 'no database at all, and long enough to be read as one'.repeat(100))
      await expect(records.open(openOptions())).rejects.toMatchObject({
        ...UNAVAILABLE,
        details: { sqlite: 'SQLITE_NOTADB' },
      })
    })
  })

  it('keeps writers’ chains whole when two processes append for one writer', async () => {
    await using(await scratchStorage({ start: inProcessThread() }), async (scratch) => {
      const other = sqliteRecords({ filename: scratch.filename, start: inProcessThread() })
      try {
        await scratch.records.open(openOptions())
        await other.open(openOptions())
        for (let seq = 1; seq <= 9; seq++) {
          await (seq % 3 === 0 ? other : scratch.records).append(batchOf('acme', seq))
          if (seq % 4 === 0) await other.project({ ...PROJECT, maxRows: 2 })
        }
        await drain(scratch)
        const page = await other.timeline({ tenant: 'acme', limit: 100 })
        expect(page.events.map((event) => event.seq)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1])
        expect((await other.timeline({ tenant: '$platform', limit: 1 })).events).toEqual([])
      } finally {
        await other.close()
      }
    })
  })

  it('has everything that it confirmed after kill -9, while it appends and projects', async () => {
    await using(await scratchStorage({ start: inProcessThread() }), async (scratch) => {
      let confirmed = 0
      for (let round = 0; round < 3; round++)
        confirmed += await confirmedBeforeKill(scratch.filename, `writer-${round}`)
      await scratch.records.open(openOptions())
      await drain(scratch)
      const found = new Set<string>()
      for (let before: { seq: number; index: number } | undefined; ; ) {
        const page = await scratch.records.timeline({ tenant: 'acme', limit: 1_000, ...(before && { before }) })
        for (const event of page.events) {
          expect(found.has(event.id)).toBe(false)
          found.add(event.id)
        }
        before = page.next
        if (!before) break
      }
      expect(confirmed).toBeGreaterThan(100)
      expect(found.size).toBeGreaterThanOrEqual(confirmed)
      expect((await scratch.records.timeline({ tenant: '$platform', limit: 1 })).events).toEqual([])
    })
  })
})

/** Runs a process that appends until it is killed; answers how many batches it was told of. */
async function confirmedBeforeKill(filename: string, writer: string): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--conditions=source', fileURLToPath(new URL('./append-until-killed.ts', import.meta.url)), filename, writer],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let confirmed = 0
  for await (const line of createInterface({ input: child.stdout })) {
    confirmed = Number(line)
    if (confirmed >= 100 && !child.killed) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return confirmed
}

function bigBody(seq: number, times = 1): string {
  const record = {
    id: `big-${seq}`,
    tenant: 'acme',
    at: 1,
    actor: { type: 'user', id: 'ann' },
    events: [{ action: 'x.done', metadata: { text: 'x'.repeat(3_000 * times) } }],
  }
  return `[${JSON.stringify(record)}]`
}
