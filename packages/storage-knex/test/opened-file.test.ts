import { existsSync } from 'node:fs'
import { copyFile, rename, rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../test/until.ts'
import { inProcessThread } from './in-process-thread.ts'
import { batchOf, openOptions, type ScratchStorage, scratchStorage, sqliteRecords } from './scratch-storage.ts'

const UNAVAILABLE = { code: 'RECORDS_UNAVAILABLE', message: expect.stringContaining('deleted, moved or replaced') }
const EMPTY_CHANGE = { writer: 'w', lane: 0, writes: [], quotas: [], body: '[]' }
const PROJECT = { lane: 0, holder: 'p', leaseMs: 0, maxRows: 1_000 }

let scratch: ScratchStorage

beforeEach(async () => {
  scratch = await scratchStorage({ start: inProcessThread() })
  await scratch.records.open(openOptions())
  await scratch.records.append(batchOf('acme', 1))
  await scratch.records.backlog()
})
afterEach(() => scratch.destroy())

/** As `rm records.db*` does; the journal's key may stay. */
async function deleteFile(): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(`${scratch.filename}${suffix}`, { force: true })
}

describe('a records file that is deleted while it is open', () => {
  it('has nothing confirmed any more, from the first write on', async () => {
    await deleteFile()
    await expect(scratch.records.append(batchOf('acme', 2))).rejects.toMatchObject(UNAVAILABLE)
    await expect(scratch.records.commit(EMPTY_CHANGE)).rejects.toMatchObject(UNAVAILABLE)
    await expect(scratch.records.project(PROJECT)).rejects.toMatchObject(UNAVAILABLE)
  })

  it('is not made anew: the process that starts next does that, and migrates it', async () => {
    await deleteFile()
    for (let seq = 2; seq < 5; seq++) {
      await expect(scratch.records.append(batchOf('acme', seq))).rejects.toMatchObject(UNAVAILABLE)
    }
    expect(existsSync(scratch.filename)).toBe(false)
    const next = sqliteRecords({ filename: scratch.filename, start: inProcessThread() })
    try {
      await next.open(openOptions())
      await next.append(batchOf('acme', 1, 'next'))
      await expect(scratch.records.append(batchOf('acme', 2))).rejects.toMatchObject(UNAVAILABLE)
      expect((await next.project(PROJECT)).records).toBe(1)
    } finally {
      await next.close()
    }
  })

  it('is not read for longer than about a second', async () => {
    await deleteFile()
    const read = (): Promise<unknown> => scratch.records.backlog()
    await until(() =>
      read().then(
        () => false,
        (error) => {
          expect(error).toMatchObject(UNAVAILABLE)
          return true
        },
      ),
    )
    await expect(read()).rejects.toMatchObject(UNAVAILABLE)
  })
})

it('a copy put in its place, as from a backup, is not written to', async () => {
  await copyFile(scratch.filename, `${scratch.filename}.backup`)
  await rename(`${scratch.filename}.backup`, scratch.filename)
  await expect(scratch.records.append(batchOf('acme', 2))).rejects.toMatchObject(UNAVAILABLE)
})

it('a database in memory has no file to lose', async () => {
  const memory = sqliteRecords({ filename: ':memory:', start: inProcessThread() })
  try {
    await memory.open(openOptions())
    await memory.append(batchOf('acme', 1))
    expect((await memory.project(PROJECT)).records).toBe(1)
  } finally {
    await memory.close()
  }
})
