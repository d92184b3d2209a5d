import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { secretBeside } from '../src/sqlite/secret-file.ts'

const MODULE = resolve(import.meta.dirname, '../src/sqlite/secret-file.ts')

/** Asks for a key in a process that may make files, but write nothing into them, as on a full disk. */
async function secretWithoutRoom(filename: string): Promise<string> {
  const program = `import { secretBeside } from ${JSON.stringify(MODULE)}
    for (let attempt = 0; attempt < 2; attempt++) try { secretBeside(${JSON.stringify(filename)}) } catch ({ code }) { console.log(code) }`
  const limited = [
    '-c',
    'ulimit -f 0; exec "$0" "$@"',
    process.execPath,
    '--conditions=source',
    '--input-type=module',
    '--eval',
    program,
  ]
  const { stdout } = await promisify(execFile)('/bin/sh', limited)
  return stdout
}

it('leaves nothing of a key that could not be written, however often it is tried', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'throughline-test-'))
  const filename = join(folder, 'records.db')
  try {
    await writeFile(filename, '')
    expect(await secretWithoutRoom(filename)).toBe('EFBIG\nEFBIG\n')
    expect(await readdir(folder)).toEqual(['records.db'])
    const secret = secretBeside(filename)
    expect(secret).toHaveLength(43)
    expect(secretBeside(filename)).toBe(secret)
    expect(await readdir(folder)).toEqual(['records.db', 'records.db.key'])
  } finally {
    await rm(folder, { recursive: true })
  }
})
