import { join } from 'node:path'
import { expect, it } from 'vitest'
import { GENERATION_MS, killUnderLoad } from './fixtures/killed-under-load.ts'
import type { Route } from './fixtures/load-client.ts'
import { LoadClient } from './fixtures/load-client.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { projectAll, readRecordsFile } from './fixtures/records-file.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'

const ROUTES: readonly Route[] = ['plain', 'keyed', 'noted', 'counted', 'strict', 'slow']

it.each([
  { atOnce: 1, kills: 100 },
  { atOnce: 2, kills: 60 },
])(
  '$kills kills of $atOnce process(es) that serve one file lose nothing and count nothing twice',
  async ({ atOnce, kills }) => {
    await inScratchDirectory(async (directory) => {
      const filename = join(directory, 'records.db')
      const client = new LoadClient()
      await killUnderLoad({ filename, client, kills, atOnce, connections: 20, routes: ROUTES, livesMs: 1_000 })
      await projectAll(filename, (kills + 1) * GENERATION_MS)
      const contents = readRecordsFile(filename)
      console.log(`${kills} kills: ${client.acknowledged.length} of ${client.sent.length} acknowledged`)
      expectNothingLost(client, contents)
      expect(client.acknowledged.length).toBeGreaterThan(kills)
    })
  },
)
