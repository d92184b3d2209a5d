import type { Throughline } from '@throughline/core'
import { createThroughline, memoryStorage } from '@throughline/core'
import { specCatalog } from './spec-catalog.ts'

export type SpecThroughline = Throughline<typeof specCatalog, { catalog: typeof specCatalog }>

/** An instance in memory with the flags of the specification. */
export function specThroughline(): SpecThroughline {
  return createThroughline({ catalog: specCatalog })
}

/** One whose database is not there. */
export function unreachableThroughline(): SpecThroughline {
  const { records } = memoryStorage()
  records.open = () => Promise.reject(new Error('connection refused'))
  return createThroughline({ catalog: specCatalog, storage: { records } })
}
