import type { Throughline } from '@throughline/core'
import { createThroughline } from '@throughline/core'
import { specCatalog } from './spec-catalog.ts'

export type SpecThroughline = Throughline<typeof specCatalog, { catalog: typeof specCatalog }>

/** An instance in memory with the flags of the specification. */
export function specThroughline(): SpecThroughline {
  return createThroughline({ catalog: specCatalog })
}
