import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConsumerProject } from './consumers/consumer-project.ts'
import { consumerProject } from './consumers/consumer-project.ts'
import { mistakesAmong, theMistakeOf } from './consumers/many-flags.ts'
import type { Setup } from './consumers/matrix.ts'
import { SETUPS, setupName } from './consumers/matrix.ts'
import { ALL_PASSED, matrixProject, TOOLS } from './consumers/matrix-project.ts'

// The packed packages in one install from the registry, and in it a project for each setup of the matrix.

/** The oldest Node that the packages promise, as the npm package that has its binary. */
const FLOOR = '20.19.0'
const flavour = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'
const floor = { 'node-floor': `npm:${flavour}-${process.platform}-${process.arch}@${FLOOR}` }

let install: ConsumerProject
let oldest: string
const pinned = process.execPath

beforeAll(async () => {
  install = await consumerProject({ fetched: { ...TOOLS, ...floor } })
  oldest = join(install.path, 'node_modules/node-floor/bin/node')
}, 600_000)
afterAll(() => install?.remove())

it('has the oldest Node at hand', async () => {
  expect(await install.run('.', oldest, ['--version'])).toMatchObject({ stdout: `v${FLOOR}\n` })
})

describe.each(SETUPS.map((setup) => [setupName(setup), setup] as const))('a project of %s', (_name, setup) => {
  it('compiles, but for its typos, and passes its test on the oldest Node and on the pinned one', async () => {
    const project = await matrixProject(install, setup)
    expect(await project.build()).toEqual([])
    for (const node of [oldest, pinned]) {
      expect({ node, ...(await project.test(node)) }).toEqual({
        node,
        code: 0,
        output: expect.stringMatching(ALL_PASSED),
      })
    }
  })
})

it.each(['program.cjs', 'program.mjs'])('lets the oldest Node run %s by itself', async (program) => {
  const { code, stdout, stderr } = await install.run('.', oldest, [program])
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(JSON.parse(stdout)).toMatchObject({ statuses: [401, 200, 200, 429, 200, 404] })
})

it('compiles 1,500 flags of several rules in one catalog, and finds the one mistake in it', async () => {
  expect(await mistakesAmong(1_500, install)).toEqual([expect.stringMatching(theMistakeOf(1_500))])
})

describe('what the documentation says of CommonJS', () => {
  const bare = ['../node_modules/jest/bin/jest.js', '--no-cache', '--config', '{"transform":{}}']
  const flag = '--experimental-vm-modules'

  it('Jest needs its settings on the oldest Node, with the flag or without', async () => {
    const project = await matrixProject(install, setupLike({ language: 'ts-7', modules: 'cjs', runner: 'jest' }))
    expect(await project.build()).toEqual([])
    for (const args of [bare, [flag, ...bare]]) {
      const { code, stderr } = await project.run(oldest, args)
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringContaining('Must use import to load ES Module'),
      })
    }
  })

  it('Jest needs the flag alone on a Node from 24.9 on', async () => {
    const project = await matrixProject(install, setupLike({ language: 'ts-7', modules: 'cjs', runner: 'jest' }))
    expect(await project.build()).toEqual([])
    expect(await project.run(pinned, bare)).toMatchObject({ code: 1 })
    const { code, stderr } = await project.run(pinned, [flag, ...bare])
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(ALL_PASSED) })
  })

  it('TypeScript 5.4 finds the declarations under node16, and will not require them', async () => {
    const old = setupLike({ language: 'ts-5.4', modules: 'cjs' })
    const complaints = await (await matrixProject(install, { ...old, resolution: 'node16' })).build()
    expect(new Set(complaints.flatMap((line) => line.match(/error TS\d+/) ?? []))).toEqual(new Set(['error TS1479']))
  })
})

function setupLike(wanted: Partial<Setup>): Setup {
  const values = Object.values(wanted)
  const found = SETUPS.find((setup) => values.every((value) => Object.values(setup).includes(value)))
  if (!found) throw new Error(`no setup has ${values.join(', ')}`)
  return found
}
