import { statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConsumerProject } from './consumers/consumer-project.ts'
import { consumerProject } from './consumers/consumer-project.ts'
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
    const compiled = await compile(moduleResolution, module, 'program.ts')
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
    const { code, stdout } = await compile('nodenext', 'nodenext', '--skipLibCheck', 'common.cts', 'registered.ts')
    expect(code).not.toBe(0)
    expect(stdout.match(/error TS/g)).toHaveLength(1)
    expect(stdout).toMatch(/registered\.ts\(7,.*"apis"/)
    expect(stdout).toMatch(/"api" \| "exports"|"exports" \| "api"/)
  })

  it('compile with 1,200 flags of several rules in one catalog, and still find the one mistake in it', async () => {
    const flags = Array.from({ length: 1_200 }, (_, i) => richFlag(i, i === 1_000 ? 'typo' : `a${i}`))
    const segments = "{ beta: { 'org.beta': true } }"
    await project.write(
      'many.ts',
      `import { defineCatalog } from '@throughline/core'
export const catalog = defineCatalog({ segments: ${segments}, flags: {\n${flags.join('\n')}\n} })\n`,
    )
    const { stdout } = await compile('nodenext', 'nodenext', '--skipLibCheck', 'many.ts')
    expect(stdout.match(/error TS\d+/g)).toEqual(['error TS2322'])
    expect(stdout).toMatch(/many\.ts\(1003,.*\n?.*"typo"/)
  })
})

/** A line of a catalog: one flag, as varied as they come, that serves the variant at first. */
function richFlag(i: number, served: string): string {
  const rules = [
    `{ id: 'staff', if: { 'org.seats': { gte: ${i} }, or: [{ segment: 'beta' }, { 'org.region': ['eu', 'us'] }] }, serve: '${served}' }`,
    `{ if: { 'actor.email': { endsWith: '@x${i}.com' } }, rollout: { percent: 25 }, serve: { a${i}: 1, b${i}: 3 } }`,
    `{ rings: [{ name: 'staff', if: { 'org.staff': true } }, { name: 'beta', if: { segment: 'beta' } }], upTo: 'staff', serve: 'b${i}' }`,
  ]
  const prerequisites = i % 3 === 2 ? `{ flag: 'flag-${i - 1}', is: 'b${i - 1}' }` : ''
  const variants = `{ a${i}: { limit: ${i} }, b${i}: { limit: 2 } }`
  return `'flag-${i}': { variants: ${variants}, prerequisites: [${prerequisites}], rules: [${rules.join(', ')}], default: 'b${i}' },`
}

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

function compile(moduleResolution: string, module: string, ...files: readonly string[]) {
  const settings = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2023', '--types', 'node']
  return project.node(
    'node_modules/typescript/bin/tsc',
    ...settings,
    '--module',
    module,
    '--moduleResolution',
    moduleResolution,
    '--pretty',
    'false',
    ...files,
  )
}
