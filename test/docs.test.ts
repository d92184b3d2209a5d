import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type ErrorCode, ThroughlineError } from '@throughline/core'
import { afterAll, describe, expect, it } from 'vitest'
import { codeBlocks, fileLinks, ROOT, readPage, runProgram } from './markdown.ts'
import { postgresService } from './services.ts'

const pages = (await readdir(join(ROOT, 'docs'))).filter((name) => /^\d\d-.*\.md$/.test(name)).sort()
const decisions = (await readdir(join(ROOT, 'docs/decisions'))).map((name) => `docs/decisions/${name}`)

const postgres = await postgresService()
process.env.DATABASE_URL = postgres.url

describe.each(pages)('docs/%s', (page) => {
  it('opens with a program that runs and prints what the page shows', { timeout: 30_000 }, async ({ skip }) => {
    const [program, output] = codeBlocks(await readPage(`docs/${page}`))
    skip(program?.code.includes('DATABASE_URL') === true && !postgres.isReachable, 'It needs Postgres.')
    expect(program?.language).toBe('ts')
    expect(program?.line).toBeLessThanOrEqual(4)
    const { code, out, errors } = await runProgram(program?.code ?? '')
    expect(errors).toBe('')
    expect(code).toBe(0)
    if (output?.language === 'text') expect(out).toBe(output.code)
  })
})

describe('the documentation', () => {
  const folder = join(ROOT, 'test', `.programs-${process.pid}`)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('has its pages numbered in the order of reading', () => {
    expect(pages.map((page) => Number(page.slice(0, 2)))).toEqual(pages.map((_, i) => i + 1))
  })

  it('has programs that compile', { timeout: 120_000 }, async () => {
    await mkdir(folder)
    for (const page of ['README.md', ...pages.map((name) => `docs/${name}`)]) {
      const [program] = codeBlocks(await readPage(page)).filter(({ language }) => language === 'ts')
      await writeFile(join(folder, `${page.replaceAll(/\W/g, '-')}.ts`), `${program?.code}\nexport {}\n`)
    }
    const config = { extends: '../../tsconfig.json', compilerOptions: { noEmit: true }, include: ['*.ts'] }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const compiler = spawn(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], { cwd: folder })
    const [out] = await Promise.all([text(compiler.stdout), once(compiler, 'exit')])
    // What is wrong with the packages themselves is the type check's to say.
    expect(out.split('\n').filter((line) => line !== '' && !line.startsWith('..'))).toEqual([])
  })

  it('tells the status of each error there is', async () => {
    const source = await readPage('packages/core/src/errors.ts')
    const codes = Array.from(source.matchAll(/^ {2}\| '([A-Z_]+)'$/gm), ([, code]) => code as ErrorCode)
    const rows = (await readPage('docs/03-guards.md')).matchAll(/^\| (\d{3})[^|]*\|(.*)\|$/gm)
    const told = [...rows].flatMap(([, status, cell]) =>
      Array.from(cell?.matchAll(/`([A-Z_]+)`/g) ?? [], ([, code]) => `${code} ${status}`),
    )
    expect(told.sort()).toEqual(codes.map((code) => `${code} ${new ThroughlineError(code).status}`).sort())
  })

  it('links to files that are there', async () => {
    const missing: string[] = []
    for (const page of ['README.md', ...pages.map((name) => `docs/${name}`), ...decisions]) {
      for (const target of fileLinks(await readPage(page))) {
        if (!existsSync(join(ROOT, dirname(page), target))) missing.push(`${page}: ${target}`)
      }
    }
    expect(missing).toEqual([])
  })
})
