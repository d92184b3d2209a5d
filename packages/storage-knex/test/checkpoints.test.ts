import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { Checkpoints } from '../src/sqlite/checkpoints.ts'
import type { CheckpointResult, Operation, Request } from '../src/sqlite/protocol.ts'
import { sharedClock } from '../src/sqlite/protocol.ts'
import { RecordsThread } from '../src/sqlite/records-thread.ts'
import { startThread } from '../src/sqlite/start-thread.ts'
import { batchOf, openOptions, scratchStorage } from './scratch-storage.ts'

/** A log to which others write while it is copied. */
class Log {
  frames = 0
  copied = 0
  readonly passes: string[] = []
  readonly checkpoints: Checkpoints
  /** Frames that come during each pass beside the writer. */
  readonly meanwhile: number[]
  failing = false
  /** Somebody reads what was before: the newest frame can't be copied, and the log does not begin anew. */
  isRead = false

  constructor(...meanwhile: number[]) {
    this.meanwhile = meanwhile
    this.checkpoints = new Checkpoints({ beside: () => this.#pass('beside'), between: () => this.#pass('between') })
  }

  async write(times: number, frames: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      // It begins anew once all of it is copied.
      if (this.frames === this.copied) this.frames = this.copied = 0
      this.frames += frames
      this.checkpoints.wrote()
      await this.checkpoints.idle()
    }
  }

  async #pass(where: string): Promise<CheckpointResult> {
    this.passes.push(where)
    if (this.failing) throw new Error('no disk')
    this.copied = this.isRead ? this.frames - 1 : this.frames
    const result = { frames: this.frames, copied: this.copied }
    if (where === 'beside') this.frames += this.meanwhile.shift() ?? 0
    return result
  }
}

describe('Checkpoints', () => {
  it('leave alone what is small', async () => {
    const log = new Log()
    await log.write(600, 1)
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

  it.each([1, 40])('learn that a write takes %i frames', async (frames) => {
    const log = new Log()
    // What comes to be known at each is at least half of what was known before it.
    await log.write(50_000, frames)
    log.passes.length = 0
    await log.write(50_000, frames)
    const rounds = log.passes.filter((where) => where === 'between').length
    const needed = (50_000 * frames) / 5_000
    expect(rounds).toBeGreaterThanOrEqual(needed - 1)
    expect(rounds).toBeLessThanOrEqual(needed + 1)
  })

  it('are no more often where the log can not begin anew', async () => {
    const log = new Log()
    log.isRead = true
    await log.write(10_000, 8)
    expect(log.passes.filter((where) => where === 'between')).toHaveLength(16)
  })

  it('come again after one that failed', async () => {
    const log = new Log()
    log.failing = true
    await log.write(700, 8)
    expect(log.passes).toEqual(['beside'])
    log.failing = false
    await log.write(700, 8)
    expect(log.passes).toEqual(['beside', 'beside', 'beside', 'between'])
  })
})

describe('a records file', () => {
  it('has its log copied by a thread of its own, started once there is much of it', async () => {
    const sent: string[] = []
    const scratch = await scratchStorage({
      start: (options) => {
        const thread = startThread(options)
        const post = thread.postMessage.bind(thread)
        thread.postMessage = (request: Request) => {
          for (const [name] of request.operations) sent.push(`${options.role} ${name}`)
          post(request)
        }
        return thread
      },
    })
    const text = 'x'.repeat(100_000)
    const append = async (from: number, to: number): Promise<void> => {
      for (let seq = from; seq <= to; seq++) {
        const batch = batchOf('acme', seq)
        await scratch.records.append({ ...batch, body: batch.body.replace('ann', text) })
      }
    }
    try {
      await scratch.records.open(openOptions())
      await append(1, 100)
      expect(sent.some((one) => one.startsWith('checkpointer'))).toBe(false)
      await append(101, 700)
      await expect.poll(() => sent).toContain('writer checkpoint')
      expect(sent.indexOf('checkpointer checkpoint')).toBeGreaterThan(0)
      expect(sent.indexOf('checkpointer checkpoint')).toBeLessThan(sent.indexOf('writer checkpoint'))
      await append(701, 702)
      const [{ log }] = scratch.stranger().pragma('wal_checkpoint(PASSIVE)') as [{ log: number }]
      // 700 bodies are 18,000 pages, of which the writer alone would have copied the first 10,000.
      expect(log).toBeLessThan(8_000)
    } finally {
      await scratch.destroy()
    }
  })

  it('is not made by whoever only copies', async () => {
    const scratch = await scratchStorage()
    try {
      const options = { filename: scratch.filename, durability: 'process', busyTimeoutMs: 50, trace: false } as const
      const thread = new RecordsThread(Database, { ...options, role: 'checkpointer', secret: undefined }, undefined)
      const operations: readonly Operation[] = [['checkpoint']]
      const answer = thread.answer({ id: 1, now: 0, deadline: sharedClock() + 1_000, operations })
      expect(answer.results?.[0]).toMatchObject({ failure: { code: 'RECORDS_UNAVAILABLE' } })
      expect(existsSync(scratch.filename)).toBe(false)
    } finally {
      await scratch.destroy()
    }
  })
})
