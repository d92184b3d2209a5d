import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Manifest } from './architecture/dependencies.ts'
import { dependencyProblems } from './architecture/dependencies.ts'
import { HOUSE_RULES, houseProblems } from './architecture/house-rules.ts'
import { layerProblems, staleExceptions } from './architecture/layers.ts'
import { readSources, sourceFile } from './architecture/source-file.ts'

const root = resolve(import.meta.dirname, '..')
const folders = readdirSync(join(root, 'packages'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
const published = readSources(root, 'packages/*/src/**/*.ts')
const manifests = folders.map(
  ({ name }) => JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest,
)

const core = (path: string, text = '') => sourceFile(`packages/core/src/${path}`, text)

describe('layers of core', () => {
  it('modules do not import each other, but for the exceptions that are listed', () => {
    expect(layerProblems(published)).toEqual([])
  })

  it('lists no exception that is not used', () => {
    expect(staleExceptions(published)).toEqual([])
  })

  it.each([
    ['an engine that imports an engine', 'flags/flags.ts', "import { Limits } from '../limits/limits.ts'"],
    ['a type of another engine', 'flags/flags.ts', "import type { Limits } from '../limits/index.ts'"],
    ['an import of several lines', 'flags/flags.ts', "import {\n  Limits,\n  type Limit,\n} from '../limits/index.ts'"],
    ['a re-export', 'flags/index.ts', "export { Limits } from '../limits/index.ts'"],
    ['an import for its effect', 'flags/flags.ts', "import '../limits/limits.ts'"],
    ['a dynamic import', 'flags/flags.ts', "const it = await import('../limits/limits.ts')"],
    ['a worker', 'flags/flags.ts', "new Worker(new URL('../limits/worker.ts', import.meta.url))"],
    ['a way round through a file that composes', 'flags/flags.ts', "import { HOST } from '../instance.ts'"],
    ['a root file that imports a module', 'errors.ts', "import { Flags } from './flags/flags.ts'"],
    ['the foundation that imports a module', 'storage/memory.ts', "import { Usage } from '../usage/usage.ts'"],
  ])('would see %s', (_, path, text) => {
    expect(layerProblems([core(path, text)], [])).toHaveLength(1)
  })

  it.each([
    [
      'its own files, the foundation and the root files',
      'flags/a.ts',
      "import { a } from './b.ts'\nimport { c } from '../storage/c.ts'\nimport { d } from '../errors.ts'",
    ],
    ['a type of a file that composes', 'flags/flags.ts', "import type { ThroughlineHost } from '../instance.ts'"],
    [
      'a module, said in a comment',
      'flags/flags.ts',
      "/**\n * @example\n * import { Limits } from '../limits/limits.ts'\n */",
    ],
    ['everything, from testing', 'testing/a.ts', "import { Limits } from '../limits/limits.ts'"],
    ['everything, from throughline.ts', 'throughline.ts', "import { Limits } from './limits/limits.ts'"],
  ])('allows %s', (_, path, text) => {
    expect(layerProblems([core(path, text)], [])).toEqual([])
  })
})

describe('house rules', () => {
  it('hold in every published source', () => {
    expect(published.length).toBeGreaterThan(100)
    expect(houseProblems(published)).toEqual([])
  })

  it('hold for the names of everything else', () => {
    const others = ['bench', 'examples', 'scripts', 'test', 'packages/*/test'].flatMap((it) =>
      readSources(root, `${it}/**/*.ts`),
    )
    expect(houseProblems(others.map(({ path }) => sourceFile(path, '')))).toEqual([])
  })

  const breaking = [
    core('a.ts', 'export default 1'),
    core('a.ts', "export * from './b.ts'"),
    core('flags/utils.ts'),
    core('flagRule.ts'),
    core('flags/a.ts', 'const now = Date.now()'),
    core('context/a.ts', 'storage.enterWith(scope)'),
  ]
  it.each(HOUSE_RULES.map(({ name }, i) => [name, breaking[i]] as const))(
    'would see what breaks "%s"',
    (name, file) => {
      expect(file && houseProblems([file])).toEqual([`${file?.path}: ${name}`])
    },
  )

  it('most files are short', () => {
    const sizes = published.map(({ lines }) => lines).sort((a, b) => a - b)
    const median = sizes[Math.floor(sizes.length / 2)] ?? 0
    const long = published.filter(({ lines }) => lines > 250).sort((a, b) => b.lines - a.lines)
    console.log(`${sizes.length} source files, median ${median} lines, ${long.length} past 250`)
    for (const { path, lines } of long) console.log(`  ${lines} ${path}`)
    expect(median).toBeLessThanOrEqual(120)
  })
})

describe('dependencies', () => {
  it.each(manifests.map((manifest, i) => [manifest.name, manifest, folders[i]?.name] as const))(
    '%s declares what it imports, and no more',
    (_, manifest, folder) => {
      const own = published.filter(({ path }) => path.startsWith(`packages/${folder}/`))
      expect(dependencyProblems(manifest, own, manifests)).toEqual([])
    },
  )

  it('would see both mistakes', () => {
    const manifest = { name: 'a', dependencies: { b: '1', '@types/c': '1', d: '1' } }
    const files = [core('a.ts', "import b from 'b/deep.js'\nimport type { C } from 'c'\nimport { e } from 'node:fs'")]
    expect(dependencyProblems(manifest, files, [])).toEqual(['a imports c undeclared', 'a declares d in vain'])
  })

  it('are locked without naming a registry', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { resolved?: string; link?: boolean }>
    }
    const named = Object.entries(lock.packages).filter(([, { resolved, link }]) => resolved !== undefined && !link)
    expect(named.map(([path]) => path)).toEqual([])
  })
})
