import { statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile, NODENEXT } from './consumers/compile.ts'
import type { ConsumerProject } from './consumers/consumer-project.ts'
import { consumerProject } from './consumers/consumer-project.ts'
import { mistakesAmong, theMistakeOf } from './consumers/many-flags.ts'
import { SETUPS, setupName, unmetPairs } from './consumers/matrix.ts'
import { ALL_PASSED, matrixProject } from './consumers/matrix-project.ts'

let project: ConsumerProject

beforeAll(async () => {
  project = await consumerProject()
}, 300_000)
afterAll(() => project?.remove())

const ANSWERS = {
  statuses: [401, 200, 200, 429, 200, 404],
  tenants: ['acme', 'acme', 'globex'],
  problem: { status: 429, code: 'LIMIT_EXCEEDED' },
  actions: ['limit.refused', 'request.handled', 'limit.passed', 'request.handled', 'limit.passed', 'request.handled'],
}

describe('the packages, installed', { timeout: 120_000 }, () => {
  it.each(['program.mjs', 'program.cjs'])('serve tenants to %s', async (program) => {
    const { code, stdout, stderr } = await project.node(program)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ ...ANSWERS, from: installed('core') })
  })

  it('keep their records on SQLite, written by the thread that was built, and show them by the installed command', async () => {
    const { code, stdout, stderr } = await project.node('sqlite.mjs')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ ...ANSWERS, from: installed('storage-knex') })
    const file = ['--file', 'app.db.throughline.db']
    const [timeline, status] = await Promise.all([
      project.command('throughline', 'timeline', ...file, '--tenant', 'acme', '--json'),
      project.command('throughline', 'status', ...file),
    ])
    const events = timeline.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    // The one that asked for the timeline is in it by now.
    expect(
      events
        .map(({ action }) => action)
        .slice(1)
        .sort(),
    ).toEqual([...ANSWERS.actions].sort())
    expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining('up to date') })
  })

  it('bring a command that npx finds', async () => {
    const { code, stdout } = await project.npx('throughline', '--help')
    expect(code).toBe(0)
    expect(stdout).toContain('$ throughline timeline')
    expect(statSync(join(project.path, 'node_modules/.bin/throughline')).mode & 0o111).toBe(0o111)
  })

  it.each([
    ['node16', 'node16'],
    ['bundler', 'esnext'],
  ])('compile with moduleResolution %s, their own declarations too', async (moduleResolution, module) => {
    const compiled = await compile(project, { module, moduleResolution }, 'program.ts')
    expect(compiled).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('compile in CommonJS, know the catalog that an app registers, and name what it could have meant', async () => {
    await project.write(
      'common.cts',
      `import { createThroughline, perMinute } from '@throughline/core'
export const throughline = createThroughline({ limits: { api: perMinute(1) } })
export const consumed = throughline.limits.consume('api')\n`,
    )
    await project.write(
      'registered.ts',
      `import { defineCatalog, perMinute, rateLimit } from '@throughline/core'
const catalog = defineCatalog({ limits: { api: perMinute(1), exports: perMinute(2) } })
declare module '@throughline/core' {
  interface Register { catalog: typeof catalog }
}
export const good = rateLimit('api')
export const bad = rateLimit('apis')\n`,
    )
    // The declarations are checked by the others.
    const { code, stdout } = await compile(project, NODENEXT, '--skipLibCheck', 'common.cts', 'registered.ts')
    expect(code).not.toBe(0)
    expect(stdout.match(/error TS/g)).toHaveLength(1)
    expect(stdout).toMatch(/registered\.ts\(7,.*"apis"/)
    expect(stdout).toMatch(/"api" \| "exports"|"exports" \| "api"/)
  })

  it('compile with 150 flags of several rules in one catalog, and find the one mistake in it', async () => {
    expect(await mistakesAmong(150, project)).toEqual([expect.stringMatching(theMistakeOf(150))])
  })
})

describe('the matrix of consumers', { timeout: 120_000 }, () => {
  it('has every two settings together in a project, and none but the last that could be left out', () => {
    const needed = SETUPS.slice(0, -1)
    expect(unmetPairs(needed)).toEqual([])
    for (const setup of needed) expect(unmetPairs(needed.filter((other) => other !== setup))).not.toEqual([])
  })

  // The two that need no more than the workspace has; all of them, with Jest, Babel and TypeScript 5.4, in the long run.
  const modern = { language: 'ts-7', runner: 'vitest' } as const
  it.each([
    { ...modern, modules: 'esm', resolution: 'bundler', decorators: 'tc39' } as const,
    { ...modern, modules: 'cjs', resolution: 'node16', decorators: 'legacy' } as const,
  ])(
    'has a project of $language, $modules, $runner, $resolution and $decorators that compiles and passes',
    async (setup) => {
      const consumer = await matrixProject(project, setup)
      expect(await consumer.build(), setupName(setup)).toEqual([])
      expect(await consumer.test(process.execPath)).toEqual({ code: 0, output: expect.stringMatching(ALL_PASSED) })
    },
  )
})

function installed(name: string): string {
  return pathToFileURL(join(project.path, 'node_modules/@throughline', name, 'dist/index.js')).href
}
