import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inScratchDirectory } from './fixtures/scratch-directory.ts'
import type { Look } from './fixtures/watcher.ts'
import { Watcher } from './fixtures/watcher.ts'

/** Contexts that are entered this long after a change was committed see it, in every process. */
const REACHES_MS = 2_000
/** A context that is entered takes this long at the most to look. */
const SETTLED_MS = 200
/** Processes that start at once, at the longest. */
const STARTING_MS = 60_000

describe('flags that one process changes in a file of SQLite, seen by 3', () => {
  let watchers: readonly [Watcher, Watcher, Watcher]
  let leave: () => Promise<void>

  beforeAll(async () => {
    watchers = [new Watcher(), new Watcher(), new Watcher()]
    const directory = await new Promise<string>((resolve) => {
      const used = inScratchDirectory(async (scratch) => {
        const left = new Promise<void>((go) => {
          leave = () => {
            go()
            return used
          }
        })
        resolve(scratch)
        await left
      })
    })
    const options = { place: join(directory, 'records.db'), answerWithinMs: 20_000, watched: ['acme'] }
    await Promise.all(watchers.map((watcher) => watcher.open(options)))
    await watchers[0].change({ kind: 'create', tenant: 'acme' })
    await Promise.all(watchers.map((watcher) => watcher.sees('acme', 'on', 0)))
  }, STARTING_MS)

  afterAll(async () => {
    await Promise.all(watchers.map((watcher) => watcher.close()))
    await Promise.all(watchers.map((watcher) => watcher.kill()))
    await leave()
  }, STARTING_MS)

  it('a patch reaches all within 2 s', async () => {
    const [first, ...others] = watchers
    const at = await first.change({ kind: 'patch', on: false })
    const lags = await Promise.all(others.map(async (watcher) => (await watcher.sees('acme', 'off', at)) - at))
    expect(Math.max(...lags)).toBeLessThan(REACHES_MS)
    const back = await others[0]?.change({ kind: 'patch', on: true })
    await Promise.all(watchers.map((watcher) => watcher.sees('acme', 'on', back ?? 0)))
  })

  it('a scheduled change holds in all from its time on, and not before', async () => {
    const at = Date.now() + REACHES_MS
    await watchers[0].change({ kind: 'patch', on: false, at })
    const seen = await Promise.all(watchers.map((watcher) => watcher.looksPast(at + SETTLED_MS)))
    for (const { acme = [] } of seen) {
      expect(acme.filter((look) => look.at > at - REACHES_MS && look.at < at - SETTLED_MS).every(isOn)).toBe(true)
      expect(acme.filter((look) => look.at >= at + SETTLED_MS).some(isOn)).toBe(false)
    }
  })
})

function isOn({ state }: Look): boolean {
  return state === 'on'
}
