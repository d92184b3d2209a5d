import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

// CI runs the same program with the installed packages on each Node that they are for: `scripts/consumer/run`.
it('flags serve in another process what they always served', async () => {
  const program = join(import.meta.dirname, '../scripts/consumer/try-flags.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=source', program])
  expect(stdout).toBe(`ok   flags are what they always were, on Node ${process.versions.node}\n`)
})
