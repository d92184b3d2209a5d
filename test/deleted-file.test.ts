import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { knexStorage } from '@throughline/storage-knex'
import { expect, it } from 'vitest'
import type { Route } from './fixtures/load-client.ts'
import { LoadClient } from './fixtures/load-client.ts'
import { expectNothingLost } from './fixtures/nothing-lost.ts'
import { refusals } from './fixtures/outage.ts'
import { projectAll, readRecordsFile } from './fixtures/records-file.ts'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import { serveApp } from './fixtures/served-app.ts'
import { until } from './until.ts'

const ROUTES: readonly Route[] = ['plain', 'keyed', 'noted', 'counted', 'strict']

it('a records file deleted under a running process: nothing that it acknowledges afterwards is lost', async () => {
  await inScratchDirectory(async (directory) => {
    const filename = join(directory, 'records.db')
    const app = await serveApp(knexStorage({ filename }))
    const before = new LoadClient()
    const after = new LoadClient()
    try {
      const first = before.drive({ port: app.port, connections: 5, routes: ROUTES })
      await until(() => before.successes > 100, { what: 'traffic' })
      before.stop()
      await first
      for (const suffix of ['', '-wal', '-shm']) await rm(`${filename}${suffix}`, { force: true })
      const second = after.drive({ port: app.port, connections: 5, routes: ROUTES })
      await until(() => after.successes > 300, { what: 'traffic after the deletion' })
      expect(await app.throughline.health()).toMatchObject({ status: 'degraded' })
      after.stop()
      await second
    } finally {
      before.stop()
      after.stop()
      await app.close()
    }
    expect(refusals(after.sent)).toMatchObject({ strict: expect.arrayContaining(['503 RECORDS_UNAVAILABLE']) })
    expect(Object.keys(refusals(after.sent)).sort()).toEqual(['counted', 'strict'])

    await projectAll(filename)
    const contents = readRecordsFile(filename)
    // What went with the file is missing from its writer's numbers, and the operator's trail says so.
    const alarms = contents.events.filter(({ action }) => action.startsWith('journal.'))
    expect(new Set(alarms.map(({ action }) => action))).toEqual(new Set(['journal.gap']))
    expectNothingLost(after, { ...contents, events: contents.events.filter((event) => !alarms.includes(event)) })
  })
})
