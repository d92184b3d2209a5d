import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('an evaluation allocates nothing', async () => {
  const program = join(import.meta.dirname, 'allocating-process.ts')
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=source', program])
  // The least object has 16 bytes; what the collector takes in between makes less of it, never nothing.
  const bytes: Record<string, number> = JSON.parse(stdout)
  expect(Object.keys(bytes)).toEqual(['remembered', 'asked', 'compared'])
  expect(Object.entries(bytes).filter(([, each]) => each >= 0.1)).toEqual([])
})
