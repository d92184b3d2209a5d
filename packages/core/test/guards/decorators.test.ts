import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Guard } from '../../src/index.ts'
import { createThroughline, guarded } from '../../src/index.ts'
import type { reportsOf } from './decorated.ts'

const ROOT = resolve(import.meta.dirname, '../../../..')
const DIALECTS = { tc39: {}, legacy: { experimentalDecorators: true } } as const

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'throughline-decorators-'))
  await writeFile(join(directory, 'package.json'), '{"type":"module"}')
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Compiles with the repository's compiler and strictness; answers what it complains of in this file. */
async function compile(name: string, file: string, options: object): Promise<string> {
  const config = join(directory, `tsconfig.${name}.json`)
  await writeFile(
    config,
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.base.json'),
      compilerOptions: {
        ...options,
        rootDir: '/',
        outDir: join(directory, name),
        typeRoots: [join(ROOT, 'node_modules/@types')],
      },
      files: [file],
    }),
  )
  return new Promise((done) => {
    execFile(join(ROOT, 'node_modules/.bin/tsc'), ['-p', config], (_error, out) => {
      // A complaint goes on in lines that are indented.
      const complaints = out.split(/\n(?! )/)
      done(complaints.filter((complaint) => complaint.includes(basename(file))).join('\n'))
    })
  })
}

/** A guard that logs what happens to it. */
function step(log: string[], name: string, refuses = false): Guard {
  return {
    name,
    check() {
      log.push(`check ${name}`)
      if (refuses) throw new Error(`${name} refuses`)
      return { keep: () => void log.push(`keep ${name}`), release: () => void log.push(`release ${name}`) }
    },
  }
}

describe.each(Object.entries(DIALECTS))('@guarded in the %s dialect', (dialect, options) => {
  let make: typeof reportsOf
  let throughline: ReturnType<typeof createThroughline>
  const inside = <R>(fn: () => Promise<R>): Promise<R> => throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, fn)

  beforeAll(async () => {
    const fixture = join(import.meta.dirname, 'decorated.ts')
    expect(await compile(dialect, fixture, options)).toBe('')
    const compiled = join(directory, dialect, fixture).replace(/\.ts$/, '.js')
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(compiled).href)) as { reportsOf: typeof reportsOf }
    make = loaded.reportsOf
  })
  beforeEach(() => {
    throughline = createThroughline()
  })
  afterEach(() => throughline.close())

  it('runs the guards before the method, with this, parameters and result', async () => {
    const log: string[] = []
    const Reports = make(guarded, step(log, 'a'), step(log, 'b'))
    expect(await inside(() => new Reports('ada').create('sales', 3))).toBe('ada:sales:3')
    expect(log).toEqual(['check a', 'check b', 'keep a', 'keep b'])
    expect(await inside(() => Reports.count())).toBe(1)
  })

  it('does not run the method when one refuses, and gives back what was reserved', async () => {
    const log: string[] = []
    const Reports = make(guarded, step(log, 'a'), step(log, 'b', true))
    await expect(inside(() => new Reports('ada').create('sales'))).rejects.toThrow('b refuses')
    expect(log).toEqual(['check a', 'check b', 'release a'])
  })

  it('gives back what was reserved when the method fails', async () => {
    const log: string[] = []
    const Reports = make(guarded, step(log, 'a'), step(log, 'b'))
    await expect(inside(() => new Reports('ada').fail())).rejects.toThrow(RangeError)
    expect(log).toEqual(['check a', 'release a'])
  })

  it('refuses outside a tenant context', async () => {
    const log: string[] = []
    const Reports = make(guarded, step(log, 'a'), step(log, 'b'))
    await expect(new Reports('ada').create('sales')).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    expect(log).toEqual([])
  })

  it('says in words that a method must return a promise', async () => {
    const file = join(directory, `not-async-${dialect}.ts`)
    const source = join(ROOT, 'packages/core/src/index.ts')
    await writeFile(
      file,
      `import { guarded, requireRole } from '${source}'
       export class Reports { @guarded(requireRole('admin')) size(): number { return 1 } }`,
    )
    const complaint = await compile(`words-${dialect}`, file, {
      ...options,
      noEmit: true,
      allowImportingTsExtensions: true,
    })
    expect(complaint).toContain('make this method async')
  })
})
