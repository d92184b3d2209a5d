import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeBlocks, readPage } from '../../../test/markdown.ts'
import { applySteps, filesOf, readStep, removeSteps, steps, takeStepsOut, typeErrorsIn } from './adopted.ts'
import { itBehaves } from './app-behaviour.ts'
import { itGains } from './gains.ts'
import { postgres } from './opened-app.ts'

const folder = join(import.meta.dirname, '..', `.steps-${process.pid}`)
beforeAll(() => applySteps(folder))
afterAll(() => removeSteps(folder))

describe('the steps', () => {
  it('compile, each of them', { timeout: 120_000 }, async () => {
    expect(await typeErrorsIn(folder)).toEqual([])
  })

  it('leave nothing behind when they are taken out again', async () => {
    const before = await filesOf(join(import.meta.dirname, '../src'))
    expect(before.size).toBeGreaterThan(8)
    expect(await filesOf(await takeStepsOut(folder))).toEqual(before)
  })
})

describe('docs/15-adopt.md', () => {
  it('shows the steps as they are', async () => {
    const shown = codeBlocks(await readPage('docs/15-adopt.md')).filter(({ language }) => language === 'diff')
    expect(shown.map(({ code }) => code)).toEqual(await Promise.all(steps.map(readStep)))
  })
})

// At once: most of them wait for what a running process sees within 2 s.
describe.runIf(postgres.isReachable).concurrent.each(steps)('the application after %s', (step) => {
  const open = () => import(/* @vite-ignore */ join(folder, step, 'src/open-app.ts'))
  // After each of the steps in the long run.
  if (step === steps.at(-1)) itBehaves(open)
  itGains(step, open, folder)
})
