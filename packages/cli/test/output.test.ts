import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, open, readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../../test/until.ts'
import { appOn, scratchFolder } from './command.ts'

const ENTRY = resolve(import.meta.dirname, '../src/throughline.ts')
/** More than a pipe holds, and than is written at once. */
const EVENTS = 4_000

let folder: Awaited<ReturnType<typeof scratchFolder>>
let file: string

beforeAll(async () => {
  folder = await scratchFolder()
  file = join(folder.path, 'records.db')
  const app = appOn(file)
  const metadata = { note: 'x'.repeat(500) }
  await app.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => {
    for (let i = 0; i < EVENTS; i++) await app.audit.record({ action: 'report.shared', metadata })
    await app.audit.list({ last: '1d' })
  })
  await app.close()
}, 60_000)
afterAll(() => folder.remove())

/** Runs a command whose output is lost. */
async function withOutputTo(
  place: 'a reader who leaves' | '/dev/full',
  ...args: readonly string[]
): Promise<{ readonly code: unknown; readonly stderr: string }> {
  const full = place === '/dev/full' ? await open(place, 'w') : undefined
  const child = spawn(process.execPath, ['--conditions=source', ENTRY, ...args], {
    stdio: ['ignore', full?.fd ?? 'pipe', 'pipe'],
  })
  if (child.stdout) child.stdout.once('data', () => child.stdout?.destroy())
  const [stderr, [code]] = await Promise.all([text(child.stderr as NodeJS.ReadableStream), once(child, 'exit')])
  await full?.close()
  return { code, stderr }
}

describe('the command line, when its output is lost', () => {
  it.each([
    ['export', '--all'],
    ['timeline', '--tenant', 'acme', '--json', '--limit', '100000'],
  ])('ends quietly when whoever reads it has enough: %s', async (command, ...args) => {
    const { code, stderr } = await withOutputTo('a reader who leaves', command, '--file', file, ...args)
    expect({ code, stderr: stderr.replace(/^exported: .*\n/, '') }).toEqual({ code: 0, stderr: '' })
    // What nobody reads is not read from the records either.
    expect(Number(/^exported: (\d+)/.exec(stderr)?.[1] ?? 0)).toBeLessThan(EVENTS)
    expect(await readdir(folder.path)).toEqual(['records.db', 'records.db.key'])
  })

  it.runIf(existsSync('/dev/full')).each([['export', '--all'], ['timeline', '--tenant', 'acme'], ['status']])(
    'says in words that the disk is full, and exits with 1: %s',
    async (command, ...args) => {
      const { code, stderr } = await withOutputTo('/dev/full', command, '--file', file, ...args)
      expect(code).toBe(1)
      expect(stderr).toContain('throughline: The output could not be written. The disk is full; free some space')
      expect(stderr).not.toMatch(/^ +at /m)
      expect(await readdir(folder.path)).toEqual(['records.db', 'records.db.key'])
    },
  )

  it('does what it was told to all the same', async () => {
    const at = await mkdtemp(join(folder.path, 'case-'))
    for (const ending of ['', '.key']) await copyFile(`${file}${ending}`, join(at, `records.db${ending}`))
    const { code } = await withOutputTo('a reader who leaves', 'uninstall', '--file', join(at, 'records.db'), '--yes')
    expect(code).toBe(0)
    expect(await readdir(at)).toEqual([])
  })
})

describe('throughline export', () => {
  it('that is ended half-way leaves nothing that could be taken for a whole one', async () => {
    const at = await mkdtemp(join(folder.path, 'ended-'))
    const output = join(at, 'all.jsonl')
    const args = ['--conditions=source', ENTRY, 'export', '--file', file, '--all', '--output', output]
    const child = spawn(process.execPath, args, { stdio: 'ignore' })
    const ended = once(child, 'exit')
    await until(async () => (await readdir(at)).length > 0)
    child.kill('SIGINT')
    await ended
    // Unless it was faster.
    if (existsSync(output)) expect((await readFile(output, 'utf8')).split('"report.shared"')).toHaveLength(EVENTS + 1)
  })
})
