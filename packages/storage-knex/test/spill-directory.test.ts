import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createThroughline } from '@throughline/core'
import Sqlite from 'better-sqlite3'
import { expect, it } from 'vitest'
import { knexStorage } from '../src/index.ts'

it('spills beside the data, so that no other application replays it as its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'throughline-'))
  const filename = join(folder, 'records.db')
  const throughline = createThroughline({
    storage: knexStorage({ filename, busyTimeoutMs: 20 }),
    logger: { warn: () => undefined },
  })
  const other = new Sqlite(filename)
  try {
    await throughline.ready()
    other.exec('BEGIN EXCLUSIVE')
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => undefined)
    expect((await readdir(`${filename}.spill`)).filter((name) => name.endsWith('.spill'))).toHaveLength(1)
  } finally {
    other.close()
    await throughline.close()
    expect(await readdir(`${filename}.spill`)).toEqual([])
    await rm(folder, { recursive: true })
  }
})

it('has no folder for a database in memory', () => {
  expect(knexStorage({ filename: ':memory:' }).records.spillDirectory).toBeUndefined()
})
