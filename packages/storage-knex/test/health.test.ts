import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createThroughline } from '@throughline/core'
import { expect, it } from 'vitest'
import { knexStorage } from '../src/index.ts'

it('health() answers that it is degraded where the start failed, and the log says why', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'throughline-health-'))
  const storage = knexStorage({ filename: join(directory, 'records.db') })
  const told: string[] = []
  const throughline = createThroughline({ storage, migrate: 'check', logger: { warn: (line) => told.push(line) } })
  try {
    await expect(throughline.ready()).rejects.toMatchObject({ code: 'STORAGE_SCHEMA_OUTDATED' })
    expect(told).toEqual([expect.stringContaining('STORAGE_SCHEMA_OUTDATED: The storage')])
    expect(await throughline.health()).toMatchObject({ status: 'degraded', storage: 'knex:sqlite' })
  } finally {
    await throughline.close()
    rmSync(directory, { recursive: true, force: true })
  }
})
