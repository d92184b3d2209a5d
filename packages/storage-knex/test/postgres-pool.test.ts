import { describe, expect, it } from 'vitest'
import { loadPostgresDriver } from '../src/postgres/load-driver.ts'
import { PostgresPool } from '../src/postgres/pool.ts'
import { fromColumn, toColumn } from '../src/postgres/text.ts'
import { postgresScratch, service } from './postgres-scratch.ts'
import { batchOf, openOptions } from './scratch-storage.ts'
import { silentProxy } from './silent-proxy.ts'

/** Nobody ever changes it: who waits for that does nothing else. */
const CLOCK = new Int32Array(new SharedArrayBuffer(4))

async function poolOf(url: string, answerWithinMs = 1_000, onStatement?: (sql: string) => void): Promise<PostgresPool> {
  const driver = await loadPostgresDriver()
  return new PostgresPool({
    driver,
    settings: async () => ({ connectionString: url }),
    max: 2,
    answerWithinMs,
    onStatement,
    setup: { schema: 'public', statementMs: answerWithinMs, durability: 'process' },
  })
}

describe('text in columns', () => {
  it('stays different where it is different, and comes back as it was', () => {
    const texts = ['', 'a', '\u0000', '\u001a', '0', '\u001a0', '\u001a\u001a0', '\u0000\u001a0', '\u001a\u0000']
    expect(texts.map(toColumn).map(fromColumn)).toEqual(texts)
    expect(new Set(texts.map(toColumn)).size).toBe(texts.length)
    expect(texts.map(toColumn).some((text) => text.includes('\u0000'))).toBe(false)
  })
})

describe.skipIf(!service.isReachable)('PostgresPool', () => {
  it('takes no more rows of a statement than are wanted, and goes on with the connection', async () => {
    const pool = await poolOf(service.url)
    try {
      const seen: number[] = []
      await pool.use(async (connection) => {
        const sql = 'SELECT i::bigint AS i FROM generate_series(1, $1::int) AS i'
        const take = (row: { i: number }): boolean => seen.push(row.i) % 20 === 0
        await connection.each(sql, [1_000_000], take)
        await connection.each(sql, [1_000_000], take)
        const failing = connection.each('SELECT 1 / $1::int AS i', [0], take)
        await expect(failing).rejects.toThrow(/division by zero/)
        const throwing = connection.each(sql, [5], () => {
          throw new Error('mine')
        })
        await expect(throwing).rejects.toThrow('mine')
        expect(await connection.get('SELECT 7::bigint AS it')).toEqual({ it: 7 })
      })
      expect(seen).toEqual([1, 2].flatMap(() => Array.from({ length: 20 }, (_, i) => i + 1)))
    } finally {
      await pool.close()
    }
  })

  it('refuses a number that JavaScript does not keep, rather than rounding it', async () => {
    const pool = await poolOf(service.url)
    try {
      const asked = pool.use((connection) => connection.get('SELECT 9007199254740993 AS it'))
      await expect(asked).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE', cause: { name: 'RangeError' } })
    } finally {
      await pool.close()
    }
  })

  it('reads an answer that has come while this process was busy for longer than a call may take', async () => {
    let busyMs = 0
    // Right after the statement was sent.
    const pool = await poolOf(service.url, 500, () => process.nextTick(() => Atomics.wait(CLOCK, 0, 0, busyMs)))
    try {
      const ask = () => pool.use((connection) => connection.get('SELECT 7::bigint AS it'))
      await ask()
      busyMs = 600
      expect(await ask()).toEqual({ it: 7 })
      // The connection is as good as it was.
      busyMs = 0
      expect(await ask()).toEqual({ it: 7 })
    } finally {
      await pool.close()
    }
  })

  it('answers in time when the network falls silent, and works again when it speaks', async () => {
    const target = new URL(service.url)
    const proxy = await silentProxy(target)
    const url = new URL(service.url)
    url.hostname = '127.0.0.1'
    url.port = String(proxy.port)
    const scratch = await postgresScratch({ answerWithinMs: 1_000 })
    const { records } = scratch
    const distant = scratch.another({ app: scratch.appAt(url.href) })
    try {
      await records.open(openOptions())
      await distant.open(openOptions())
      await distant.append(batchOf('acme', 1))
      proxy.silence()
      const started = performance.now()
      const calls = [
        distant.append(batchOf('acme', 2)),
        distant.backlog(),
        distant.project({ lane: 0, holder: 'p', leaseMs: 0, maxRows: 9 }),
        // More than there are connections.
        ...Array.from({ length: 10 }, () => distant.versions({ scopes: ['acme'] })),
      ]
      const results = await Promise.allSettled(calls)
      for (const result of results) expect(result).toMatchObject({ reason: { code: 'RECORDS_UNAVAILABLE' } })
      const change = distant.commit({
        writer: 'w',
        lane: 0,
        writes: [],
        quotas: [],
        body: batchOf('acme', 1, 'x').body,
      })
      await expect(change).rejects.toMatchObject({ code: expect.stringMatching(/OUTCOME_UNKNOWN|RECORDS_UNAVAILABLE/) })
      expect(performance.now() - started).toBeLessThan(8_000)
      proxy.speak()
      await distant.append(batchOf('acme', 2))
      expect(await distant.project({ lane: 0, holder: 'p', leaseMs: 0, maxRows: 9 })).toMatchObject({ lease: true })

      const stop = distant.notices(() => {})
      proxy.silence()
      const closing = performance.now()
      stop()
      await distant.close()
      expect(performance.now() - closing).toBeLessThan(1_000)
    } finally {
      await proxy.close()
      await scratch.destroy()
    }
  })
})
