import type { CheckedCatalog } from '../catalog/index.ts'
import { HOST } from '../instance.ts'
import type { ThroughlineOptions } from '../options.ts'
import { memoryStorage } from '../storage/memory.ts'
import { createThroughline } from '../throughline.ts'
import type { CatalogOf, Throughline } from '../throughline-type.ts'
import { readTestIdentity } from './as-tenant.ts'
import type { TestClock } from './test-clock.ts'
import { testClock } from './test-clock.ts'

/**
 * An instance for the app's own tests: in memory, on a clock that the test turns, and believing {@link asTenant}.
 *
 * @example
 * const clock = testClock()
 * const throughline = createTestThroughline({ catalog, clock })
 * const app = createApp(throughline)
 */
export function createTestThroughline<const O extends ThroughlineOptions & { readonly clock?: TestClock }>(
  options?: O & CheckedCatalog<O>,
): Throughline<CatalogOf<O>, O> & { readonly clock: TestClock } {
  const clock = options?.clock ?? testClock()
  const throughline = createThroughline<O>({ storage: memoryStorage(), ...options, clock } as unknown as O &
    CheckedCatalog<O>)
  throughline[HOST].identityOf = readTestIdentity
  return Object.assign(throughline, { clock })
}
