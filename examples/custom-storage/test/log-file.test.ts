import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createThroughline } from '@throughline/core'
import type { RecordsOpen } from '@throughline/core/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonLinesStorage } from '../src/json-lines-storage.ts'
import type { ScratchStorage } from './reopened-storage.ts'
import { scratchStorage } from './reopened-storage.ts'

const OPEN: RecordsOpen = { kinds: ['config'], usage: true, migrate: 'auto', durability: 'disk', now: () => 1_000 }
const EVENT = { action: 'config.changed', notable: true } as const

async function using(run: (scratch: ScratchStorage) => Promise<void>): Promise<void> {
  const scratch = scratchStorage()
  try {
    await run(scratch)
  } finally {
    await scratch.destroy()
  }
}

describe('the file', () => {
  it('keeps what an app left, for the next process', async () => {
    await using(async ({ filename }) => {
      const ada = { tenant: 'acme', actor: { id: 'ada' } }
      const first = createThroughline({ storage: jsonLinesStorage({ filename }) })
      await first.run(ada, () => first.audit.record({ action: 'report.shared' }))
      await first.close()
      const second = createThroughline({ storage: jsonLinesStorage({ filename }) })
      const { events } = await second.run(ada, () => second.audit.list({ last: '1h' }))
      await second.close()
      expect(events.map(({ action }) => action).sort()).toEqual(['report.shared', 'run.completed'])
      expect(statSync(`${filename}.key`).mode & 0o777).toBe(0o600)
    })
  })

  it('holds every transaction as a whole or not at all, wherever a crash cut it', async () => {
    const step = fc.constantFrom('append', 'commit', 'project')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.nat(), async (steps, where) => {
        await using(async ({ filename, storage: { records } }) => {
          const seen = async () => ({
            rows: (await records.backlog()).rows,
            trail: await records.timeline({ tenant: 'acme', limit: 100 }),
            config: await records.read({ tenant: 'acme', kinds: ['config'] }),
          })
          await records.open(OPEN)
          /** What was to be seen at each size of the file. */
          const states = new Map([[0, await seen()]])
          for (const [i, what] of steps.entries()) {
            const record = { id: `r${i}`, tenant: 'acme', at: i, actor: { type: 'user', id: 'ü' }, events: [EVENT] }
            const body = JSON.stringify([record])
            const writes = [{ kind: 'config', tenant: 'acme', key: '', value: i }] as const
            if (what === 'append') await records.append({ writer: 'w', seq: i + 1, lane: 0, body })
            if (what === 'commit') await records.commit({ writer: 'w', lane: 0, writes, quotas: [], body })
            if (what === 'project') await records.project({ lane: 0, holder: 'p', leaseMs: 0, maxRows: 9 })
            states.set(statSync(filename).size, await seen())
          }
          await records.close()
          const size = where % (statSync(filename).size + 1)
          truncateSync(filename, size)
          await records.open(OPEN)
          const whole = Math.max(...[...states.keys()].filter((each) => each <= size))
          expect(await seen()).toEqual(states.get(whole))
          expect(statSync(filename).size).toBe(whole)
        })
      }),
      { numRuns: 60 },
    )
  })

  it('is one process’s at a time, and is free again once that process is gone', async () => {
    await using(async ({ filename, storage: { records } }) => {
      const other = spawnSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).stdout.trim()
      writeFileSync(`${filename}.lock`, String(process.ppid))
      await expect(records.open(OPEN)).rejects.toMatchObject({ code: 'RECORDS_UNAVAILABLE' })
      writeFileSync(`${filename}.lock`, other)
      await records.open(OPEN)
      expect(readFileSync(`${filename}.lock`, 'utf8')).toBe(String(process.pid))
      await records.close()
      expect(existsSync(resolve(`${filename}.lock`))).toBe(false)
      await expect(records.append({ writer: 'w', seq: 1, lane: 0, body: '[]' })).rejects.toMatchObject({
        code: 'CLOSED',
      })
    })
  })
})
