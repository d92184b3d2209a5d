import { expect, it } from 'vitest'
import { PostgresPool } from '../src/postgres/pool.ts'
import type { PostgresDriver, PostgresSession, SessionSource, SessionSourceOptions } from '../src/postgres/session.ts'

/** Lends the server's processes as a pooler does; a connection keeps its process until `lend` takes it away. */
interface Pooler {
  readonly keeps: 'connection' | 'transaction'
  /** Which of the processes that nobody has comes next. */
  next(idle: number[]): number
  /** Knows what a connection has prepared, or passes it on as it comes. */
  readonly prepares: boolean
}

const lifo = (idle: number[]): number => idle.pop() as number
const inTurn = (idle: number[]): number => idle.shift() as number

function driverOf({ keeps, next, prepares }: Pooler): PostgresDriver {
  const idle = [4, 3, 2, 1]
  const prepared = new Map<number, Set<number>>()
  let connections = 0
  const connect = async (): Promise<PostgresSession> => {
    const connection = ++connections
    const held = keeps === 'connection' ? next(idle) : undefined
    let pinned: number | undefined
    let hasPrepared = false
    return {
      ready: async () => undefined,
      each: async () => undefined,
      run: async () => undefined,
      async all<Row extends object>() {
        const pid = held ?? pinned ?? next(idle)
        if (held === undefined && pinned === undefined) idle.push(pid)
        const known = prepared.get(pid) ?? new Set()
        prepared.set(pid, known)
        if (!prepares && hasPrepared && !known.has(connection)) {
          throw Object.assign(new Error('There is no such statement.'), { code: '26000' })
        }
        hasPrepared = true
        known.add(connection)
        return [{ pid }] as unknown as Row[]
      },
      async transaction(work) {
        pinned = keeps === 'transaction' ? next(idle) : undefined
        try {
          return await work()
        } finally {
          if (pinned !== undefined) idle.push(pinned)
          pinned = undefined
        }
      },
      abandon: () => undefined,
      release: () => undefined,
    }
  }
  return {
    hasOneConnection: false,
    sessions: (_: SessionSourceOptions) => ({ connect, end: async () => undefined }),
    listen: () => ({ started: Promise.resolve(), end: async () => undefined }),
  }
}

function check(driver: PostgresDriver): Promise<void> {
  const setup = { schema: 'throughline', statementMs: 1_000, durability: 'process' } as const
  const pool = new PostgresPool({ driver, settings: async () => ({}), max: 2, answerWithinMs: 1_000, setup })
  return pool.checkConnections()
}

const POOLER = { code: 'OPTIONS_INVALID', message: expect.stringContaining('session mode') }

for (const [order, next] of Object.entries({ 'the last one first': lifo, 'one after the other': inTurn })) {
  for (const prepares of [true, false]) {
    it(`a pooler of transactions that lends ${order} is refused (${prepares ? 'it prepares' : 'nothing is prepared'})`, async () => {
      await expect(check(driverOf({ keeps: 'transaction', next, prepares }))).rejects.toMatchObject(POOLER)
    })
  }
  it(`a pooler of sessions that lends ${order} is as good as the server`, async () => {
    await expect(check(driverOf({ keeps: 'connection', next, prepares: true }))).resolves.toBeUndefined()
  })
}

it('the one connection of a PGlite is not looked at', async () => {
  const driver = { ...driverOf({ keeps: 'transaction', next: lifo, prepares: true }), hasOneConnection: true }
  await expect(check(driver)).resolves.toBeUndefined()
})

it('a server that has no second connection free is not refused for it; one that has none is', async () => {
  const full = Object.assign(new Error('Sorry, too many clients already.'), { code: '53300' })
  const isFullAfter = (most: number): PostgresDriver => {
    const driver = driverOf({ keeps: 'connection', next: lifo, prepares: true })
    const sessions = (options: SessionSourceOptions): SessionSource => {
      const source = driver.sessions(options)
      let lent = 0
      return { ...source, connect: async () => (++lent > most ? Promise.reject(full) : source.connect()) }
    }
    return { ...driver, sessions }
  }
  await expect(check(isFullAfter(1))).resolves.toBeUndefined()
  await expect(check(isFullAfter(0))).rejects.toMatchObject({
    code: 'RECORDS_UNAVAILABLE',
    details: { postgres: '53300' },
  })
})
