import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { SqliteRecords } from '../packages/storage-knex/src/sqlite/sqlite-records.ts'
import { MortalThreads } from './fixtures/mortal-threads.ts'
import { MB, outage, refusals } from './fixtures/outage.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'

const ROUNDS = 80

it('a database that comes and goes at random, and whose threads die: everything is recorded once', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const threads = new MortalThreads()
    let stranger: Database.Database | undefined
    const sent = await outage({
      filename,
      storage: {
        records: new SqliteRecords({
          filename,
          answerWithinMs: 500,
          busyTimeoutMs: 100,
          maxWaitingBytes: 64 * MB,
          start: threads.start,
        }),
      },
      begin() {},
      async during() {
        for (let round = 0; round < ROUNDS; round++) {
          stranger = new Database(filename, { timeout: 5_000 })
          stranger.exec('BEGIN EXCLUSIVE')
          await setTimeout(Math.random() * 800)
          if (round % 3 === 0) await threads.kill('writer')
          stranger.close()
          await setTimeout(Math.random() * 400)
          if (round % 5 === 0) await threads.kill(round % 2 === 0 ? 'writer' : 'reader')
        }
      },
      end() {
        stranger?.close()
      },
    })
    console.log(`${sent.length} requests, ${threads.started} threads`)
    const { plain = [], keyed = [], noted = [] } = refusals(sent)
    expect([...plain, ...keyed, ...noted]).toEqual([])
  })
})
