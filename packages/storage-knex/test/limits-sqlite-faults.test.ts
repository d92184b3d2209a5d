import { EventEmitter } from 'node:events'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type KnexLimitsOptions, knexLimits } from '../src/limits/knex-limits.ts'
import type { LimitsMessage } from '../src/limits/sqlite/limits-protocol.ts'
import { SqliteLimits, type SqliteLimitsOptions } from '../src/limits/sqlite/sqlite-limits.ts'
import { startLimitsThread } from '../src/limits/sqlite/start-limits-thread.ts'
import type { Thread } from '../src/sqlite/start-thread.ts'
import { eventually, held, NOW, rate, requestOf, take, window } from './limits-asked.ts'

const UNAVAILABLE = { code: 'RECORDS_UNAVAILABLE' }

let directory: string
let filename: string
const opened: { close(): Promise<void> }[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'throughline-test-'))
  filename = join(directory, 'limits.db')
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((limits) => limits.close()))
  await rm(directory, { recursive: true, force: true })
})

/** A thread takes its time to start, where many do. */
function limitsIn(options: Omit<KnexLimitsOptions, 'app'> = {}) {
  const limits = knexLimits({ filename, clock: 'caller', answerWithinMs: 20_000, ...options } as KnexLimitsOptions)
  opened.push(limits)
  return limits
}

function sqliteLimits(options: Partial<SqliteLimitsOptions> = {}): SqliteLimits {
  const limits = new SqliteLimits({ filename, clock: 'caller', answerWithinMs: 20_000, busyTimeoutMs: 30, ...options })
  opened.push(limits)
  return limits
}

/** A connection of a stranger to the same file. */
function stranger(): Database.Database {
  const database = new Database(filename)
  opened.push({ close: async () => void database.close() })
  return database
}

describe('limits on SQLite, in use', () => {
  it('decide what comes together in one transaction', async () => {
    const statements: string[] = []
    const limits = limitsIn({ onStatement: (sql) => statements.push(sql) })
    await limits.open()
    statements.length = 0
    const request = requestOf([rate('a'), window('b'), held('c')], { lease: 'l' })
    const all = await Promise.all([
      ...Array.from({ length: 30 }, () => take(limits, rate('a'))),
      limits.decide(request, NOW),
    ])
    expect(all.filter((answer) => answer === 1)).toHaveLength(10)
    expect(all.at(-1)).toMatchObject({ granted: 0 })
    expect(statements.filter((sql) => sql.startsWith('BEGIN'))).toHaveLength(1)
    expect(statements.filter((sql) => sql === 'COMMIT')).toHaveLength(1)
  })

  it('go by the machine’s clock unless told', async () => {
    const limits = limitsIn({ clock: 'server' })
    expect(await take(limits, rate('a', { capacity: 1_000 }), { now: 0 })).toBe(1)
    expect(await take(limits, rate('a', { capacity: 1_000 }), { now: Number.MAX_SAFE_INTEGER })).toBe(0)
    const row = stranger().prepare('SELECT changed_at AS at FROM throughline_limits').get() as { at: number }
    expect(Math.abs(row.at - Date.now())).toBeLessThan(10_000)
  })

  it('are the same for all who have the file, and outlive each of them', async () => {
    const [one, other] = [limitsIn(), limitsIn()]
    expect(await take(one, rate('a'), { units: 6 })).toBe(6)
    expect(await take(other, rate('a'), { units: 6 })).toBe(0)
    await one.close()
    expect(await take(limitsIn(), rate('a'), { units: 6, mode: 'partial' })).toBe(4)
  })

  it('keep keys of any length, and apart', async () => {
    const limits = limitsIn()
    for (const name of ['a', 'b'].map((end) => `${'x'.repeat(100_000)}${end}`)) {
      expect(await take(limits, rate(name), { units: 10 })).toBe(10)
      expect(await take(limits, rate(name))).toBe(0)
    }
  })

  it('remove what is over, a few rows at a time, and nothing else', async () => {
    const limits = limitsIn()
    const many = Array.from({ length: 300 }, (_, i) => i)
    await Promise.all(many.map((i) => take(limits, rate(`old-${i}`))))
    await Promise.all(many.map((i) => take(limits, held(`old-${i}`), { lease: 'a' })))
    const slow = rate('new', { weight: 1_000_000, capacity: 10_000_000 })
    expect(await take(limits, slow, { units: 5 })).toBe(5)
    const database = stranger()
    const rows = () =>
      database
        .prepare('SELECT (SELECT count(*) FROM throughline_limits) + (SELECT count(*) FROM throughline_limit_leases)')
        .pluck()
        .get()
    expect(rows()).toBe(601)
    // A minute after the last of them ended.
    const now = NOW + 121_000
    await eventually(async () => {
      for (let i = 0; i < 64; i++) await take(limits, rate('busy'), { now })
      expect(rows()).toBe(2)
    })
    expect(await take(limits, slow, { now, units: 9, mode: 'partial' })).toBe(5)
  })

  it('say so soon while another process keeps the file locked, refuse nobody for it, and go on after it', async () => {
    const limits = limitsIn()
    await limits.open()
    const other = stranger()
    other.exec('BEGIN IMMEDIATE')
    const from = performance.now()
    const failure = await take(limits, rate('a')).catch((error: unknown) => error)
    const waitedMs = performance.now() - from
    expect(failure).toMatchObject(UNAVAILABLE)
    expect(String(failure)).toContain('locked for 30 ms')
    expect(waitedMs).toBeGreaterThan(25)
    expect(waitedMs).toBeLessThan(500)
    const waiting = take(limits, rate('a'), { units: 10 })
    other.exec('COMMIT')
    expect(await eventually(() => waiting.catch(() => take(limits, rate('a'), { units: 10 })))).toBe(10)
  })

  it('all go on with the file in its place when it was deleted, counting together', async () => {
    const [one, other] = [limitsIn(), limitsIn()]
    expect(await take(one, rate('a'), { units: 10 })).toBe(10)
    expect(await take(other, rate('a'))).toBe(0)
    for (const end of ['', '-wal', '-shm']) await rm(`${filename}${end}`, { force: true })
    // Each looks once a second.
    await eventually(async () => expect(await take(one, rate('a'), { mode: 'peek' })).toBe(1))
    await eventually(async () => expect(await take(other, rate('a'), { mode: 'peek' })).toBe(1))
    const granted = await Promise.all([one, other, one, other].map((limits) => take(limits, rate('a'), { units: 4 })))
    expect(granted.filter((units) => units === 4)).toHaveLength(2)
  })

  it('begin anew with a file that was broken, before it is opened and while it is', async () => {
    await writeFile(filename, 'This is no database at all.'.repeat(1_000))
    const [one, other] = [limitsIn(), limitsIn()]
    await one.open()
    expect(await take(one, rate('a'), { units: 10 })).toBe(10)
    expect(await take(other, rate('a'))).toBe(0)
    const database = stranger()
    database.pragma('wal_checkpoint(TRUNCATE)')
    const size = database.prepare('SELECT * FROM pragma_page_count').pluck().get() as number
    for (let page = 1; page < size; page++) await overwrite(filename, page * 4_096)
    // So that they read it again.
    database.exec('CREATE TABLE other (a)')
    await eventually(async () => expect(await take(one, rate('a'), { units: 3 })).toBe(3))
    await eventually(async () => expect(await take(other, rate('a'), { units: 3 })).toBe(3))
    const { decisions } = await other.decide(requestOf([rate('a')], { mode: 'peek' }), NOW)
    expect(decisions[0]?.remaining).toBe(4)
  })

  it('reject while there is no folder for the file, and go on once there is', async () => {
    const limits = limitsIn({ filename: join(directory, 'later', 'limits.db') })
    await expect(take(limits, rate('a'))).rejects.toMatchObject(UNAVAILABLE)
    await mkdir(join(directory, 'later'))
    expect(await take(limits, rate('a'))).toBe(1)
  })

  it('reject when their thread ends, and start another one', async () => {
    const threads: Thread[] = []
    const limits = sqliteLimits({
      start: (options) => {
        const thread = startLimitsThread(options)
        threads.push(thread)
        return thread
      },
    })
    expect(await take(limits, rate('a'), { units: 7 })).toBe(7)
    const waiting = take(limits, rate('a')).then(
      () => 'answered',
      (error: unknown) => error,
    )
    await threads[0]?.terminate()
    expect([UNAVAILABLE.code, undefined]).toContain(((await waiting) as { code?: string }).code)
    expect(await eventually(() => take(limits, rate('a'), { units: 9, mode: 'partial' }))).toBeGreaterThanOrEqual(2)
    expect(threads).toHaveLength(2)
  })

  it('give up a call that is not answered in time, and never send it afterwards', async () => {
    const { thread, received } = deafThread()
    const limits = sqliteLimits({ start: () => thread, answerWithinMs: 50 })
    const from = performance.now()
    const calls = Array.from({ length: 3 }, () => take(limits, rate('a')))
    await new Promise((resolve) => setImmediate(resolve))
    calls.push(take(limits, rate('a')))
    const asked = await Promise.allSettled(calls)
    expect(performance.now() - from).toBeLessThan(1_000)
    expect(asked.map(({ status }) => status)).toEqual(Array(4).fill('rejected'))
    expect(received.map(({ calls: sent }) => sent.length)).toEqual([3])
    // It comes round at last: nobody waits for it, and the one that was given up meanwhile is not sent.
    thread.emit('message', { values: [undefined, undefined, undefined] })
    const next = take(limits, rate('b')).catch(() => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    expect(received.map(({ calls: sent }) => sent.length)).toEqual([3, 1])
    expect(received[1]?.calls[0]?.[1]).toMatchObject({ operations: [rate('b')] })
    await next
  })

  it('read an answer that has come while this process was busy for longer than it may take', async () => {
    const limits = sqliteLimits({ answerWithinMs: 500 })
    await limits.open()
    expect(await eventually(() => take(limits, rate('a')))).toBe(1)
    // From here timers have their turn before messages.
    await new Promise((resolve) => setImmediate(resolve))
    const asked = take(limits, rate('a'))
    // It is posted after this turn's microtasks.
    for (let i = 0; i < 5; i++) await Promise.resolve()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
    expect(await asked).toBe(1)
  })

  it('say that they are closed', async () => {
    const limits = limitsIn()
    await limits.open()
    await Promise.all([limits.close(), limits.close()])
    await expect(take(limits, rate('a'))).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('live in memory where the app does', async () => {
    const limits = limitsIn({ filename: ':memory:' })
    expect(await take(limits, rate('a'), { units: 10 })).toBe(10)
    expect(await take(limits, rate('a'))).toBe(0)
  })
})

async function overwrite(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+')
  await handle.write(Buffer.alloc(4_096, 0xff), 0, 4_096, at)
  await handle.close()
}

/** A thread that swallows everything. */
function deafThread() {
  const received: LimitsMessage[] = []
  const thread = Object.assign(new EventEmitter(), {
    postMessage: (message: unknown) => void received.push(message as LimitsMessage),
    ref() {},
    unref() {},
    terminate: async () => 0,
  })
  return { thread: thread as unknown as Thread & EventEmitter, received }
}
