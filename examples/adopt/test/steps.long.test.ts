import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { applySteps, removeSteps, steps } from './adopted.ts'
import { itBehaves } from './app-behaviour.ts'
import { postgres } from './opened-app.ts'

const folder = join(import.meta.dirname, '..', `.steps-${process.pid}`)
beforeAll(() => applySteps(folder))
afterAll(() => removeSteps(folder))

describe.runIf(postgres.isReachable).each(steps)('the application after %s', (step) => {
  itBehaves(() => import(/* @vite-ignore */ join(folder, step, 'src/open-app.ts')))
})
