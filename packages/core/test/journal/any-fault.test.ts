import fc from 'fast-check'
import { expect, it } from 'vitest'
import { until } from '../../../../test/until.ts'
import type { Journal } from '../../src/journal/index.ts'
import { PLATFORM } from '../../src/vocabulary.ts'
import { JournalBench } from './bench.ts'

type Step = 'add' | 'burst' | 'strict' | 'fail' | 'storeThenFail' | 'hang' | 'heal' | 'turn' | 'drain'

it('projects every acknowledged line exactly once, whatever fails and recovers in whatever order', async () => {
  const steps: readonly Step[] = ['add', 'burst', 'strict', 'fail', 'storeThenFail', 'hang', 'heal', 'turn', 'drain']
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...steps), { minLength: 5, maxLength: 60 }),
      fc.constantFrom(2_000, 1 << 20),
      async (run, maxBytes) => {
        const own = await JournalBench.open()
        try {
          await holdsFor(own, own.journal({ maxBytes, drainTimeout: 50 }), run)
        } finally {
          await own.destroy()
        }
      },
    ),
    { numRuns: 150 },
  )
})

async function holdsFor(own: JournalBench, journal: Journal, run: readonly Step[]): Promise<void> {
  const acknowledged: string[] = []
  const asked: string[] = []
  const waiting: Promise<unknown>[] = []
  const add = (strict = false): void => {
    const name = String(asked.length)
    asked.push(name)
    waiting.push(
      journal.add('acme', own.line(name), { strict }).then(
        () => acknowledged.push(name),
        () => undefined,
      ),
    )
  }
  for (const step of run) {
    if (step === 'add') add()
    else if (step === 'strict') add(true)
    else if (step === 'burst') for (let i = 0; i < 5; i++) add()
    else if (step === 'fail' || step === 'storeThenFail' || step === 'hang') own.records.break(step, 'append')
    else if (step === 'heal') own.records.heal()
    else if (step === 'drain') void journal.drain().catch(() => undefined)
    if (step === 'turn' || step === 'heal') await new Promise((resolve) => setTimeout(resolve, 1))
    else await new Promise((resolve) => setImmediate(resolve))
  }
  own.records.heal()
  await Promise.all(waiting)
  await until(async () => {
    // A stuck batch waits for the next one.
    await journal.drain()
    return journal.healthy
  })
  await journal.close()
  const names = await own.names()
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => acknowledged.includes(name)).sort(byNumber)).toEqual(acknowledged.sort(byNumber))
  expect(names).toEqual([...names].sort(byNumber))
  expect(await own.trail(PLATFORM)).toEqual([])
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b)
}
