import { describe } from 'vitest'
import { itBehaves } from './app-behaviour.ts'
import { postgres } from './opened-app.ts'

describe.runIf(postgres.isReachable)('the application, before Throughline', () => {
  itBehaves(() => import('../src/open-app.ts'))
})
