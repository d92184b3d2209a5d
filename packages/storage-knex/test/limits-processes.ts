import { join } from 'node:path'
import { inScratchDirectory } from '../../../test/fixtures/scratch-directory.ts'
import { expectLeasesReturn, expectNoneAbove, type HammerOptions } from '../../../test/limits-hammer.ts'
import { limitsScratch, service } from './limits-scratch.ts'

const module = join(import.meta.dirname, 'opened-limits.ts')

/** Lends a place for limits that goes away. */
export type Lend = (run: (place: string) => Promise<void>) => Promise<void>

export const onSqlite: Lend = (run) => inScratchDirectory((directory) => run(join(directory, 'limits.db')))

export const onPostgres: Lend = async (run) => {
  const scratch = await limitsScratch()
  try {
    await run(`${service.url}#${scratch.schema}`)
  } finally {
    await scratch.destroy()
  }
}

export function hammerTogether(lend: Lend, load: Omit<HammerOptions, 'module' | 'place'>): Promise<void> {
  return lend((place) => expectNoneAbove({ module, place, ...load }))
}

export function killHolder(lend: Lend): Promise<void> {
  return lend((place) => expectLeasesReturn({ module, place }))
}
