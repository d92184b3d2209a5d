import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkDefinition } from './check-definition.ts'
import { mangledFlag, strangeFlag, validFlag } from './flag-arbitraries.ts'

it('ten thousand definitions evaluate or are refused with a path', () => {
  let [valid, refused] = [0, 0]
  fc.assert(
    fc.property(fc.oneof(validFlag, mangledFlag, strangeFlag), (flag) => {
      if (checkDefinition(flag)) valid++
      else refused++
    }),
    { numRuns: 10_000 },
  )
  expect(Math.min(valid, refused)).toBeGreaterThan(1_000)
}, 120_000)
