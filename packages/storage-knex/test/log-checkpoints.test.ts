import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Connection } from '../src/sqlite/connection.ts'
import { LogCheckpoints } from '../src/sqlite/log-checkpoints.ts'
import type { Answer, Operation, Request, ThreadOptions } from '../src/sqlite/protocol.ts'
import { sharedClock } from '../src/sqlite/protocol.ts'
import { RecordsThread } from '../src/sqlite/records-thread.ts'
import type { Thread } from '../src/sqlite/start-thread.ts'
import { startThread } from '../src/sqlite/start-thread.ts'
import { ThreadClient } from '../src/sqlite/thread-client.ts'
import { copyLog, type LogCopy } from '../src/sqlite/write-ahead-log.ts'
import { deafThread, inProcessThread } from './in-process-thread.ts'
import { batchOf, openOptions, type ScratchStorage, scratchStorage } from './scratch-storage.ts'

/** A log to which others write while it is copied. */
class Log {
  frames = 0
  copied = 0
  readonly passes: string[] = []
  readonly checkpoints: LogCheckpoints
  /** Frames that come during each pass beside the writer. */
  readonly meanwhile: number[]
  /** Which passes fail. */
  failing: readonly string[] = []
  /** Another process copies it. */
  isTaken = false
  /** Somebody reads or writes at every moment: it never begins anew by itself. */
  isBusy = false
  /** Somebody reads what was then: what came later can't be copied. */
  readUpTo: number | undefined

  constructor(...meanwhile: number[]) {
    this.meanwhile = meanwhile
    this.checkpoints = new LogCheckpoints({
      beside: () => this.#pass('beside'),
      between: (waits) => this.#pass(waits ? 'between, patiently' : 'between'),
    })
  }

  async write(times: number, frames: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      // It begins anew once all of it is copied.
      if (this.frames === this.copied && !this.isBusy) this.frames = this.copied = 0
      this.frames += frames
      this.checkpoints.seen(this.frames - this.copied)
      await settled()
    }
  }

  async #pass(where: string): Promise<LogCopy | undefined> {
    this.passes.push(where)
    if (this.failing.includes(where)) throw new Error('no disk')
    if (this.isTaken) return undefined
    this.copied = Math.max(this.copied, Math.min(this.frames, this.readUpTo ?? this.frames))
    const copy = { frames: this.frames, copied: this.copied }
    if (where === 'between, patiently') this.frames = this.copied = 0
    if (where === 'beside') this.frames += this.meanwhile.shift() ?? 0
    return copy
  }
}

/** Resolves once no round is under way. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('LogCheckpoints', () => {
  it('leave alone what is small', async () => {
    const log = new Log()
    await log.write(600, 8)
    expect(log.passes).toEqual([])
  })

  it('copy beside the writer until little is left, and that in its own turn', async () => {
    const log = new Log(1_500, 900, 700)
    await log.write(700, 8)
    expect(log.passes).toEqual(['beside', 'beside', 'beside', 'between'])
    const calm = new Log(100)
    await calm.write(700, 8)
    expect(calm.passes).toEqual(['beside', 'beside', 'between'])
  })

  it.each([1, 40, 2_500])('come as often as needed where a write takes %i frames', async (frames) => {
    const log = new Log()
    await log.write(50_000 / frames, frames)
    expect(log.passes.filter((where) => where === 'between')).toHaveLength(10)
  })

  it('leave what somebody still reads, look again when there is as much more, and copy all of it beside the writer', async () => {
    const log = new Log()
    await log.write(100, 8)
    log.readUpTo = log.frames
    await log.write(5_000, 8)
    expect(log.passes).toEqual(Array.from({ length: 8 }, () => 'beside'))
    log.passes.length = 0
    log.readUpTo = undefined
    await log.write(625, 8)
    expect(log.passes).toEqual(['beside', 'beside', 'between, patiently'])
    // It has begun anew.
    expect(log.frames).toBeLessThan(5_000)
  })

  it('wait for who keeps a long log from beginning anew', async () => {
    const log = new Log()
    log.isBusy = true
    await log.write(2_500, 8)
    expect(log.passes.filter((where) => where !== 'beside')).toEqual([
      ...Array.from({ length: 3 }, () => 'between'),
      'between, patiently',
    ])
    expect(log.frames).toBeLessThan(5_000)
  })

  it('leave it to another process that is at it already', async () => {
    const log = new Log()
    log.isTaken = true
    await log.write(700, 8)
    expect(log.passes).toEqual(['beside'])
    // It was done there: what is left behind is no more than there is.
    log.copied = log.frames
    log.isTaken = false
    await log.write(700, 8)
    expect(log.passes).toEqual(['beside', 'beside', 'beside', 'between'])
  })

  it('are the writer’s where they fail beside it, and come again where they fail there too', async () => {
    const log = new Log()
    log.failing = ['beside']
    await log.write(700, 8)
    expect(log.passes).toEqual(['beside', 'between'])
    expect(log.frames).toBeLessThan(5_000)
    log.failing = ['beside', 'between']
    log.passes.length = 0
    await log.write(1_300, 8)
    expect(log.passes).toEqual(['beside', 'between', 'beside', 'between'])
  })

  it('begin nothing once closed', async () => {
    const log = new Log()
    await log.write(600, 8)
    const last = log.write(100, 8)
    log.checkpoints.close()
    await last
    await log.write(2_000, 8)
    expect(log.passes.length).toBeLessThanOrEqual(1)
  })
})

const TEXT = 'x'.repeat(100_000)

/** Appends of 26 pages each. */
async function append({ records }: Pick<ScratchStorage, 'records'>, from: number, to: number): Promise<void> {
  for (let seq = from; seq <= to; seq++) {
    const batch = batchOf('acme', seq)
    await records.append({ ...batch, body: batch.body.replace('ann', TEXT) })
  }
}

/** What a stranger finds in the log; it copies nothing. */
function logOf(scratch: ScratchStorage): { readonly log: number; readonly checkpointed: number } {
  const [found] = scratch.stranger().pragma('wal_checkpoint(NOOP)') as [{ log: number; checkpointed: number }]
  return found
}

/** A thread, and what is sent to it. */
function noted(thread: Thread, { role }: ThreadOptions, sent: string[]): Thread {
  const post = thread.postMessage.bind(thread)
  thread.postMessage = (request: Request) => {
    for (const [name] of request.operations) sent.push(`${role} ${name}`)
    post(request)
  }
  return thread
}

async function using(
  start: (options: ThreadOptions) => Thread,
  run: (scratch: ScratchStorage) => Promise<void>,
): Promise<void> {
  const scratch = await scratchStorage({ start, answerWithinMs: 1_000 })
  try {
    await scratch.records.open(openOptions())
    await run(scratch)
  } finally {
    await scratch.destroy()
  }
}

describe('ThreadClient', () => {
  afterEach(() => void vi.useRealTimers())

  it('starts no thread once it is closed', async () => {
    let starts = 0
    const client = new ThreadClient({
      start: () => {
        starts += 1
        return deafThread()
      },
      answerWithinMs: 10,
      maxWaiting: 1,
      maxWaitingBytes: 1,
      now: () => 0,
    })
    await client.callAlone(['ready'], 1_000)
    await client.close()
    // One that has just ended is not started again at once.
    vi.useFakeTimers({ toFake: ['hrtime'] }).advanceTimersByTime(150)
    await expect(client.callAlone(['ready'], 1_000)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(starts).toBe(1)
  })
})

describe('copyLog', () => {
  it.each([false, true])('waits for who reads where that was said: %s', async (waits) => {
    const scratch = await scratchStorage({ start: inProcessThread() })
    try {
      await scratch.records.open(openOptions())
      const connection = new Connection(scratch.stranger())
      connection.database.pragma(`busy_timeout = ${waits ? 200 : 30_000}`)
      const reader = scratch.stranger()
      await append(scratch, 1, 2)
      reader.exec('BEGIN')
      reader.prepare('SELECT * FROM throughline_journal').all()
      const started = performance.now()
      const copy = copyLog(connection, waits)
      const took = performance.now() - started
      if (waits) expect(took).toBeGreaterThanOrEqual(150)
      else expect(took).toBeLessThan(25_000)
      expect(copy?.frames).toBeGreaterThan(50)
      expect(copy?.copied).toBe(copy?.frames)
    } finally {
      await scratch.destroy()
    }
  })
})

describe('a records file', () => {
  it('has its log copied by a thread of its own, started once there is much of it', async () => {
    const sent: string[] = []
    await using(
      (options) => noted(startThread(options), options, sent),
      async (scratch) => {
        await append(scratch, 1, 100)
        expect(sent.some((one) => one.startsWith('checkpointer'))).toBe(false)
        await append(scratch, 101, 700)
        await expect.poll(() => sent, { timeout: 10_000 }).toContain('writer checkpoint')
        expect(sent.indexOf('checkpointer checkpoint')).toBeGreaterThan(0)
        expect(sent.indexOf('checkpointer checkpoint')).toBeLessThan(sent.indexOf('writer checkpoint'))
      },
    )
  })

  it('has its log copied by nobody else, not even once it is long', async () => {
    const start = (options: ThreadOptions): Thread =>
      options.role === 'checkpointer' ? deafThread() : inProcessThread()(options)
    await using(start, async (scratch) => {
      await append(scratch, 1, 500)
      const { log, checkpointed } = logOf(scratch)
      expect(log).toBeGreaterThan(12_000)
      expect(checkpointed).toBe(0)
    })
  })

  it('has its log copied by the writer where that thread can not be started', async () => {
    const start = (options: ThreadOptions): Thread => {
      if (options.role === 'checkpointer') throw new Error('no more threads')
      return inProcessThread()(options)
    }
    await using(start, async (scratch) => {
      await append(scratch, 1, 500)
      expect(logOf(scratch).log).toBeLessThan(7_000)
    })
  })

  it('copies its log by itself where SQLite does not say how long it is', async () => {
    class OldSqlite extends Database {
      constructor(filename?: string, options?: Database.Options) {
        super(filename, options)
        this.function('sqlite_version', () => '3.50.4')
      }
    }
    const roles: string[] = []
    const start = (options: ThreadOptions): Thread => {
      roles.push(options.role)
      return inProcessThread(OldSqlite as typeof Database)(options)
    }
    await using(start, async (scratch) => {
      await append(scratch, 1, 500)
      expect(logOf(scratch).log).toBeLessThan(11_000)
      expect(roles).toEqual(['writer', 'reader'])
    })
  })

  it('tells whoever counts statements nothing of its log', async () => {
    const told: string[] = []
    const scratch = await scratchStorage({ start: inProcessThread(), onStatement: (sql) => void told.push(sql) })
    try {
      await scratch.records.open(openOptions())
      await append(scratch, 1, 300)
      expect(logOf(scratch).log).toBeLessThan(6_000)
      expect(told.filter((sql) => sql.includes('wal_checkpoint'))).toEqual([])
      expect(told).toContain('COMMIT')
    } finally {
      await scratch.destroy()
    }
  })

  it('waits at its close for no checkpoint that never ends, and begins none after it', async () => {
    const roles: string[] = []
    const sent: string[] = []
    const start = (options: ThreadOptions): Thread => {
      roles.push(options.role)
      return options.role === 'checkpointer' ? deafThread() : noted(inProcessThread()(options), options, sent)
    }
    await using(start, async (scratch) => {
      await append(scratch, 1, 300)
      expect(roles).toEqual(['writer', 'reader', 'checkpointer'])
      const started = performance.now()
      const closed = scratch.records.close()
      await append(scratch, 301, 310)
      await closed
      // Of a copy the checkpointer has 20 s.
      expect(performance.now() - started).toBeLessThan(10_000)
      expect(roles).toHaveLength(3)
      expect(sent).not.toContain('writer checkpoint')
    })
  })

  it('is not made by whoever only copies', async () => {
    const scratch = await scratchStorage()
    try {
      const options = { filename: scratch.filename, durability: 'process', busyTimeoutMs: 50, trace: false } as const
      const thread = new RecordsThread(Database, { ...options, role: 'checkpointer', secret: undefined }, undefined)
      const operations: readonly Operation[] = [['checkpoint', false]]
      const answer: Answer = thread.answer({ id: 1, now: 0, deadline: sharedClock() + 1_000, operations })
      expect(answer.results?.[0]).toMatchObject({ failure: { code: 'RECORDS_UNAVAILABLE' } })
      expect(existsSync(scratch.filename)).toBe(false)
    } finally {
      await scratch.destroy()
    }
  })
})
